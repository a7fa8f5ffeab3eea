"""Dialplan applications that programs run by EXEC, and what Asterisk 16 and 22 alike answered, with a caller who sends sound."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One application, as it was tried.

    Attributes:
        application, data: what is run.
        result: what EXEC answers.
        variables: the channel's variables behind it.
        keys: what is pressed while it runs.
    """

    application: str
    data: str
    result: str
    variables: dict[str, str]
    keys: str

    @property
    def name(self) -> str:
        """The row in a word."""
        return f"{self.application}({self.data})" + (f" {self.keys}" if self.keys else "")


def row(application: str, data: str = "", result: str = "0", *, keys: str = "", **variables: str) -> Row:
    """One row of the table."""
    return Row(application, data, result, variables, keys)


RECORDINGS = "/tmp/aioami-rows"  # a folder that a server makes, and in which it leaves files

ROWS = [
    row("AddQueueMember", "nosuch,Local/x@test", AQMSTATUS="NOSUCHQUEUE"),
    row("RemoveQueueMember", "nosuch,Local/x@test", RQMSTATUS="NOSUCHQUEUE"),
    row("RemoveQueueMember", "support,Local/nosuch@test", RQMSTATUS="NOTINQUEUE"),
    row("PauseQueueMember", "support,Local/nosuch@test", PQMSTATUS="NOTFOUND"),
    row("UnpauseQueueMember", "support,Local/nosuch@test", UPQMSTATUS="NOTFOUND"),
    row("BackGround", "beep"),
    row("BackGround", "demo-congrats", "53", keys="5"),
    row("ChannelRedirect", "nosuch,elsewhere,target,1", CHANNELREDIRECT_STATUS="NOCHANNEL"),
    row("ControlPlayback", "beep", CPLAYBACKSTATUS="SUCCESS"),
    row("ControlPlayback", "nosuchfile", CPLAYBACKSTATUS="ERROR"),
    row("DumpChan"),
    row("Exec", "Set(A=yes)", A="yes"),
    row("ExecIf", "1?Set(A=yes):Set(A=no)", A="yes"),
    row("ExecIf", "0?Set(A=yes):Set(A=no)", A="no"),
    row("GosubIf", "0?elsewhere,target,1"),
    row("GotoIf", "0?elsewhere,target,1", PRIORITY="2"),
    row("MSet", "A=1,B=2", A="1", B="2"),
    row("NoSuchApplication", "", "-2"),
    row("Originate", "Local/wait@test,exten,test,wait,1,1", ORIGINATE_STATUS="SUCCESS"),
    row("Playback", "nosuchfile", PLAYBACKSTATUS="FAILED"),
    row("PlayTones", "busy"),
    row("PlayTones", "nosuch", "-1"),
    row("Proceeding"),
    row("Queue", "nosuch", QUEUESTATUS="UNKNOWN"),
    row("Read", "X,,2,,1,1", X="", READSTATUS="TIMEOUT"),
    row("Read", "X,,2,,1,2", X="12", READSTATUS="OK", keys="12"),
    row("Read", "X,beep,4,,1,1", X="12", READSTATUS="OK", keys="12#"),
    row("Read", "X,nosuchfile,1,,1,1", X="", READSTATUS="ERROR"),
    row("Read", "X,,2,,2,0.5", X="", READSTATUS="TIMEOUT"),
    row("Read", "", READSTATUS="ERROR"),
    row("Read", "X,demo-congrats,2,,1,1", X="12", READSTATUS="OK", keys="12"),
    row("Read", "X,,3,,1,1", X="1", READSTATUS="TIMEOUT", keys="1"),
    row("Read", "X,,3,,1,1", X="", READSTATUS="OK", keys="#"),
    row("Record", f"{RECORDINGS}/1.wav,0,1", RECORD_STATUS="TIMEOUT", RECORDED_FILE=f"{RECORDINGS}/1"),
    row("Record", f"{RECORDINGS}/2.wav,0,9,q", RECORD_STATUS="DTMF", keys="#"),
    row("Record", f"{RECORDINGS}/3.wav,0,2,qy", RECORD_STATUS="DTMF", keys="5"),
    row("Record", f"{RECORDINGS}/4.wav,0,1", RECORD_STATUS="TIMEOUT", keys="5"),
    row("Record", f"{RECORDINGS}/5.wav,0,9,qo", RECORD_STATUS="OPERATOR", keys="0"),
    row("Record", f"{RECORDINGS}/6.wav,0,9,qt", RECORD_STATUS="DTMF", keys="*"),
    row("Record", f"{RECORDINGS}/new/row.wav,0,1", RECORD_STATUS="TIMEOUT"),
    row("Record", f"{RECORDINGS}/7.nosuch,0,1", RECORD_STATUS="ERROR"),
    row("Record", f"{RECORDINGS}/8", "-1", RECORD_STATUS="ERROR"),
    row("Record", "", "-1", RECORD_STATUS="ERROR"),
    row("ResetCDR"),
    row("SayAlpha", "ab"),
    row("SayDigits", "12"),
    row("SayDigits", "x"),
    row("SayNumber", "12"),
    row("SayNumber", "x"),
    row("SayNumber", "", "-1"),
    row("SayPhonetic", "ab"),
    row("SayUnixTime", "0,UTC,H"),
    row("SendDTMF", "12"),
    row("SendText", "hello", SENDTEXTSTATUS="SUCCESS"),
    row("StartMusicOnHold", "default"),
    row("StopMusicOnHold"),
    row("StopPlayTones"),
    row("System", "true", SYSTEMSTATUS="SUCCESS"),
    row("System", "exit 3", SYSTEMSTATUS="APPERROR"),
    row("System", "", "-1", SYSTEMSTATUS="FAILURE"),
    row("Transfer", "100", TRANSFERSTATUS="UNSUPPORTED"),
    row("TryExec", "NoSuchApp(1)", TRYSTATUS="NOAPP"),
    row("TryExec", "NoOp(1)", TRYSTATUS="SUCCESS"),
    row("TrySystem", "false", SYSTEMSTATUS="APPERROR"),
    row("TrySystem", "", SYSTEMSTATUS="FAILURE"),
    row("UserEvent", "Row,A: 1"),
    row("VoiceMail", "9999@default", VMSTATUS="FAILED"),
    row("WaitDigit", "1", WAITDIGITSTATUS="TIMEOUT"),
    row("WaitDigit", "5", WAITDIGITSTATUS="DTMF", WAITDIGITRESULT="5", keys="5"),
    row("WaitExten", "2", "53", keys="5"),
]
