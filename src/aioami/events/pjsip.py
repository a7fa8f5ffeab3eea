"""Events of PJSIP: endpoints, their contacts, registrations and subscriptions.

The items of the lists have the options of pjsip.conf: `rtp_symmetric` is `RtpSymmetric` on the
wire and `rtp_symmetric` here again. Times are seconds unless the name says otherwise.
"""

from __future__ import annotations

from ..enums import DeviceState
from ..fields import (
    Boolean,
    Enumeration,
    Integer,
    Number,
    Seconds,
    Separated,
    Text,
    Timestamp,
)
from .base import KnownEvent
from .snapshots import ListComplete

__all__ = [
    "AorDetail",
    "AorEvent",
    "AorList",
    "AorListComplete",
    "AuthDetail",
    "AuthEvent",
    "AuthList",
    "AuthListComplete",
    "ContactList",
    "ContactListComplete",
    "ContactStatus",
    "ContactStatusDetail",
    "ContactStatusDetailComplete",
    "EndpointDetail",
    "EndpointDetailComplete",
    "EndpointList",
    "EndpointListComplete",
    "IdentifyDetail",
    "InboundRegistrationDetail",
    "InboundRegistrationDetailComplete",
    "InboundSubscriptionDetail",
    "InboundSubscriptionDetailComplete",
    "OutboundRegistrationDetail",
    "OutboundRegistrationDetailComplete",
    "OutboundSubscriptionDetail",
    "OutboundSubscriptionDetailComplete",
    "PJSIPMaintenanceStatus",
    "PJSIPMaintenanceStatusComplete",
    "ResourceListDetail",
    "ResourceListDetailComplete",
    "SorceryEvent",
    "SubscriptionEvent",
    "TransportDetail",
]


# An AOR and a URI, in which a comma may stand.
_CONTACTS = r",(?=[^/,]+/[a-z]+:)"


class SorceryEvent(KnownEvent, abstract=True):
    """An item of a list that describes an object of pjsip.conf."""

    object_type = Text("ObjectType")
    object_name = Text("ObjectName")


class EndpointList(SorceryEvent):
    """An endpoint in short, as `PJSIPShowEndpoints` lists it."""

    transport = Text("Transport")
    aor = Text("Aor")
    aors = aor.alias()
    auths = Text("Auths")
    auth = auths.alias()
    outbound_auths = Text("OutboundAuths")
    outbound_auth = outbound_auths.alias()
    contacts = Separated("Contacts", _CONTACTS)
    """The contacts of all its AORs, each as the AOR and the URI with a slash between them."""
    device_state = Enumeration("DeviceState", DeviceState)
    active_channels = Integer("ActiveChannels")
    """`None` from Asterisk 16, which does not count them."""


class EndpointListComplete(ListComplete):
    """The end of a list of `EndpointList`."""


class EndpointDetail(SorceryEvent):
    """An endpoint with all its options: the first item of `PJSIPShowEndpoint`."""

    context = Text("Context")
    allow = Text("Allow")
    disallow = Text("Disallow")
    dtmf_mode = Text("DtmfMode")
    rtp_ipv6 = Boolean("RtpIpv6")
    rtp_symmetric = Boolean("RtpSymmetric")
    ice_support = Boolean("IceSupport")
    use_ptime = Boolean("UsePtime")
    force_rport = Boolean("ForceRport")
    rewrite_contact = Boolean("RewriteContact")
    transport = Text("Transport")
    outbound_proxy = Text("OutboundProxy")
    moh_suggest = Text("MohSuggest")
    _100rel = Text("100rel")
    timers = Text("Timers")
    timers_min_se = Seconds("TimersMinSe")
    timers_sess_expires = Seconds("TimersSessExpires")
    auth = Text("Auth")
    auths = auth.alias()
    outbound_auth = Text("OutboundAuth")
    outbound_auths = outbound_auth.alias()
    aors = Text("Aors")
    aor = aors.alias()
    media_address = Text("MediaAddress")
    identify_by = Text("IdentifyBy")
    direct_media = Boolean("DirectMedia")
    direct_media_method = Text("DirectMediaMethod")
    trust_connected_line = Boolean("TrustConnectedLine")
    send_connected_line = Boolean("SendConnectedLine")
    connected_line_method = Text("ConnectedLineMethod")
    direct_media_glare_mitigation = Text("DirectMediaGlareMitigation")
    disable_direct_media_on_nat = Boolean("DisableDirectMediaOnNat")
    callerid = Text("Callerid")
    caller_id = callerid.alias()
    callerid_privacy = Text("CalleridPrivacy")
    callerid_tag = Text("CalleridTag")
    trust_id_inbound = Boolean("TrustIdInbound")
    trust_id_outbound = Boolean("TrustIdOutbound")
    send_pai = Boolean("SendPai")
    send_rpid = Boolean("SendRpid")
    send_diversion = Boolean("SendDiversion")
    mailboxes = Text("Mailboxes")
    aggregate_mwi = Boolean("AggregateMwi")
    media_encryption = Text("MediaEncryption")
    media_encryption_optimistic = Boolean("MediaEncryptionOptimistic")
    use_avpf = Boolean("UseAvpf")
    force_avp = Boolean("ForceAvp")
    media_use_received_transport = Boolean("MediaUseReceivedTransport")
    one_touch_recording = Boolean("OneTouchRecording")
    inband_progress = Boolean("InbandProgress")
    call_group = Text("CallGroup")
    pickup_group = Text("PickupGroup")
    named_call_group = Text("NamedCallGroup")
    named_pickup_group = Text("NamedPickupGroup")
    device_state_busy_at = Integer("DeviceStateBusyAt")
    t38_udptl = Boolean("T38Udptl")
    t38_udptl_ec = Text("T38UdptlEc")
    t38_udptl_maxdatagram = Integer("T38UdptlMaxdatagram")
    fax_detect = Boolean("FaxDetect")
    t38_udptl_nat = Boolean("T38UdptlNat")
    t38_udptl_ipv6 = Boolean("T38UdptlIpv6")
    t38_bind_udptl_to_media_address = Boolean("T38BindUdptlToMediaAddress")
    tone_zone = Text("ToneZone")
    language = Text("Language")
    record_on_feature = Text("RecordOnFeature")
    record_off_feature = Text("RecordOffFeature")
    allow_transfer = Boolean("AllowTransfer")
    user_eq_phone = Boolean("UserEqPhone")
    moh_passthrough = Boolean("MohPassthrough")
    sdp_owner = Text("SdpOwner")
    sdp_session = Text("SdpSession")
    tos_audio = Integer("TosAudio")
    tos_video = Integer("TosVideo")
    cos_audio = Integer("CosAudio")
    cos_video = Integer("CosVideo")
    allow_subscribe = Boolean("AllowSubscribe")
    sub_min_expiry = Seconds("SubMinExpiry")
    from_user = Text("FromUser")
    from_domain = Text("FromDomain")
    mwi_from_user = Text("MwiFromUser")
    rtp_engine = Text("RtpEngine")
    dtls_verify = Text("DtlsVerify")
    dtls_rekey = Seconds("DtlsRekey")
    dtls_cert_file = Text("DtlsCertFile")
    dtls_private_key = Text("DtlsPrivateKey")
    dtls_cipher = Text("DtlsCipher")
    dtls_ca_file = Text("DtlsCaFile")
    dtls_ca_path = Text("DtlsCaPath")
    dtls_setup = Text("DtlsSetup")
    srtp_tag32 = Boolean("SrtpTag32")
    redirect_method = Text("RedirectMethod")
    set_var = Text("SetVar")
    message_context = Text("MessageContext")
    accountcode = Text("Accountcode")
    account_code = accountcode.alias()
    preferred_codec_only = Boolean("PreferredCodecOnly")
    device_state = Enumeration("DeviceState", DeviceState)
    active_channels = Integer("ActiveChannels")
    """`None` from Asterisk 16, which does not count them."""
    subscribe_context = Text("SubscribeContext")
    allow_overlap = Boolean("AllowOverlap")
    overlap_context = Text("OverlapContext")
    accept_multiple_sdp_answers = Boolean("AcceptMultipleSdpAnswers")
    acl = Text("Acl")
    allow_unauthenticated_options = Boolean("AllowUnauthenticatedOptions")
    asymmetric_rtp_codec = Boolean("AsymmetricRtpCodec")
    bind_rtp_to_media_address = Boolean("BindRtpToMediaAddress")
    bundle = Boolean("Bundle")
    codec_prefs_incoming_answer = Text("CodecPrefsIncomingAnswer")
    codec_prefs_incoming_offer = Text("CodecPrefsIncomingOffer")
    codec_prefs_outgoing_answer = Text("CodecPrefsOutgoingAnswer")
    codec_prefs_outgoing_offer = Text("CodecPrefsOutgoingOffer")
    contact_acl = Text("ContactAcl")
    dtls_auto_generate_cert = Boolean("DtlsAutoGenerateCert")
    dtls_fingerprint = Text("DtlsFingerprint")
    fax_detect_timeout = Seconds("FaxDetectTimeout")
    follow_early_media_fork = Boolean("FollowEarlyMediaFork")
    g726_non_standard = Boolean("G726NonStandard")
    geoloc_incoming_call_profile = Text("GeolocIncomingCallProfile")
    geoloc_outgoing_call_profile = Text("GeolocOutgoingCallProfile")
    ignore183_without_sdp = Boolean("Ignore183WithoutSdp")
    incoming_call_offer_pref = Text("IncomingCallOfferPref")
    incoming_mwi_mailbox = Text("IncomingMwiMailbox")
    max_audio_streams = Integer("MaxAudioStreams")
    max_video_streams = Integer("MaxVideoStreams")
    mwi_subscribe_replaces_unsolicited = Boolean("MwiSubscribeReplacesUnsolicited")
    notify_early_inuse_ringing = Boolean("NotifyEarlyInuseRinging")
    outgoing_call_offer_pref = Text("OutgoingCallOfferPref")
    refer_blind_progress = Boolean("ReferBlindProgress")
    rpid_immediate = Boolean("RpidImmediate")
    rtcp_mux = Boolean("RtcpMux")
    rtp_keepalive = Seconds("RtpKeepalive")
    rtp_timeout = Seconds("RtpTimeout")
    rtp_timeout_hold = Seconds("RtpTimeoutHold")
    rtp_port_start = Integer("RtpPortStart")
    rtp_port_end = Integer("RtpPortEnd")
    security_negotiation = Text("SecurityNegotiation")
    send_aoc = Boolean("SendAoc")
    send_history_info = Boolean("SendHistoryInfo")
    stir_shaken = Text("StirShaken")
    stir_shaken_profile = Text("StirShakenProfile")
    suppress_moh_on_sendonly = Boolean("SuppressMohOnSendonly")
    suppress_q850_reason_headers = Boolean("SuppressQ850ReasonHeaders")
    tenantid = Text("Tenantid")
    voicemail_extension = Text("VoicemailExtension")
    webrtc = Boolean("Webrtc")
    follow_redirect_methods = Text("FollowRedirectMethods")


class EndpointDetailComplete(ListComplete):
    """The end of the list of `PJSIPShowEndpoint`."""


class AorEvent(SorceryEvent, abstract=True):
    """An item that describes an address of record."""

    minimum_expiration = Seconds("MinimumExpiration")
    maximum_expiration = Seconds("MaximumExpiration")
    default_expiration = Seconds("DefaultExpiration")
    qualify_frequency = Seconds("QualifyFrequency")
    qualify_timeout = Number("QualifyTimeout")
    qualify_2xx_only = Boolean("Qualify2xxOnly")
    authenticate_qualify = Boolean("AuthenticateQualify")
    max_contacts = Integer("MaxContacts")
    remove_existing = Boolean("RemoveExisting")
    remove_unavailable = Boolean("RemoveUnavailable")
    mailboxes = Text("Mailboxes")
    voicemail_extension = Text("VoicemailExtension")
    outbound_proxy = Text("OutboundProxy")
    support_path = Boolean("SupportPath")
    contacts = Separated("Contacts", _CONTACTS)
    """Each as the AOR and the URI with a slash between them."""


class AorList(AorEvent):
    """An address of record, as `PJSIPShowAors` lists it. From Asterisk 16."""


class AorListComplete(ListComplete):
    """The end of a list of `AorList`."""


class AorDetail(AorEvent):
    """An address of record of the endpoint that `PJSIPShowEndpoint` describes."""

    total_contacts = Integer("TotalContacts")
    contacts_registered = Integer("ContactsRegistered")
    endpoint_name = Text("EndpointName")


class InboundRegistrationDetail(AorEvent):
    """An address of record for inbound registrations, for `PJSIPShowRegistrationsInbound`."""

    contact = Text("Contact")


class InboundRegistrationDetailComplete(ListComplete):
    """The end of a list of `InboundRegistrationDetail`."""


class AuthEvent(SorceryEvent, abstract=True):
    """An item with credentials, the secrets included; no log and no repr shows those."""

    auth_type = Text("AuthType")
    username = Text("Username")
    password = Text("Password")
    password_digest = Text("PasswordDigest")
    md5_cred = Text("Md5Cred")
    realm = Text("Realm")
    nonce_lifetime = Seconds("NonceLifetime")
    oauth_clientid = Text("OauthClientid")
    oauth_secret = Text("OauthSecret")
    refresh_token = Text("RefreshToken")
    supported_algorithms_uac = Text("SupportedAlgorithmsUac")
    supported_algorithms_uas = Text("SupportedAlgorithmsUas")


class AuthList(AuthEvent):
    """Credentials, as `PJSIPShowAuths` lists them. From Asterisk 16."""


class AuthListComplete(ListComplete):
    """The end of a list of `AuthList`."""


class AuthDetail(AuthEvent):
    """The credentials of an endpoint, or of an outbound registration."""

    endpoint_name = Text("EndpointName")


class ContactList(SorceryEvent):
    """A contact, as `PJSIPShowContacts` lists it. From Asterisk 16."""

    uri = Text("Uri")
    endpoint = Text("Endpoint")
    endpoint_name = endpoint.alias()
    status = Text("Status")
    contact_status = status.alias()
    roundtrip_usec = Integer("RoundtripUsec")
    """Microseconds."""
    expiration_time = Timestamp("ExpirationTime")
    reg_expire = expiration_time.alias()
    user_agent = Text("UserAgent")
    call_id = Text("CallId")
    reg_server = Text("RegServer")
    via_addr = Text("ViaAddr")
    via_address = via_addr.alias()
    via_port = Integer("ViaPort")
    path = Text("Path")
    outbound_proxy = Text("OutboundProxy")
    qualify_frequency = Seconds("QualifyFrequency")
    qualify_timeout = Number("QualifyTimeout")
    qualify_2xx_only = Boolean("Qualify2xxOnly")
    authenticate_qualify = Boolean("AuthenticateQualify")
    prune_on_boot = Boolean("PruneOnBoot")


class ContactListComplete(ListComplete):
    """The end of a list of `ContactList`."""


class ContactStatusDetail(KnownEvent):
    """A contact and how it is reached, of an endpoint or of all."""

    aor = Text("AOR")
    uri = Text("URI")
    status = Text("Status")
    contact_status = status.alias()
    roundtrip_usec = Integer("RoundtripUsec")
    """Microseconds."""
    endpoint_name = Text("EndpointName")
    endpoint = endpoint_name.alias()
    user_agent = Text("UserAgent")
    reg_expire = Timestamp("RegExpire")
    expiration_time = reg_expire.alias()
    via_address = Text("ViaAddress")
    via_addr = via_address.alias()
    call_id = Text("CallID")
    id = Text("ID")
    path = Text("Path")
    outbound_proxy = Text("OutboundProxy")
    qualify_frequency = Seconds("QualifyFrequency")
    qualify_timeout = Number("QualifyTimeout")
    qualify_2xx_only = Boolean("Qualify2xxOnly")
    authenticate_qualify = Boolean("AuthenticateQualify")


class ContactStatusDetailComplete(ListComplete):
    """The end of a list of `ContactStatusDetail`."""


class ContactStatus(KnownEvent):
    """A PJSIP contact is in another state."""

    read_classes = ("system",)

    uri = Text("URI")
    contact_status = Text("ContactStatus")
    status = contact_status.alias()
    aor = Text("AOR")
    endpoint_name = Text("EndpointName")
    endpoint = endpoint_name.alias()
    roundtrip_usec = Integer("RoundtripUsec")
    """Microseconds."""


class IdentifyDetail(SorceryEvent):
    """The addresses or headers that identify an endpoint, as `PJSIPShowEndpoint` lists them."""

    endpoint = Text("Endpoint")
    srv_lookups = Boolean("SrvLookups")
    match = Text("Match")
    match_header = Text("MatchHeader")
    match_request_uri = Text("MatchRequestUri")
    endpoint_name = Text("EndpointName")


class TransportDetail(SorceryEvent):
    """The transport that the endpoint of `PJSIPShowEndpoint` uses."""

    protocol = Text("Protocol")
    bind = Text("Bind")
    async_operations = Integer("AsyncOperations")
    asyc_operations = Integer("AsycOperations")
    """The spelling of `AsyncOperations` in Asterisk's documentation."""
    ca_list_file = Text("CaListFile")
    ca_list_path = Text("CaListPath")
    cert_file = Text("CertFile")
    priv_key_file = Text("PrivKeyFile")
    password = Text("Password")
    external_signaling_address = Text("ExternalSignalingAddress")
    external_signaling_port = Integer("ExternalSignalingPort")
    external_signaling_hostname = Text("ExternalSignalingHostname")
    external_media_address = Text("ExternalMediaAddress")
    domain = Text("Domain")
    verify_server = Boolean("VerifyServer")
    verify_client = Boolean("VerifyClient")
    require_client_cert = Boolean("RequireClientCert")
    method = Text("Method")
    cipher = Text("Cipher")
    local_net = Text("LocalNet")
    tos = Integer("Tos")
    cos = Integer("Cos")
    websocket_write_timeout = Integer("WebsocketWriteTimeout")
    """Milliseconds."""
    allow_reload = Boolean("AllowReload")
    allow_wildcard_certs = Boolean("AllowWildcardCerts")
    symmetric_transport = Boolean("SymmetricTransport")
    tcp_keepalive_enable = Boolean("TcpKeepaliveEnable")
    tcp_keepalive_idle_time = Seconds("TcpKeepaliveIdleTime")
    tcp_keepalive_interval_time = Seconds("TcpKeepaliveIntervalTime")
    tcp_keepalive_probe_count = Integer("TcpKeepaliveProbeCount")
    endpoint_name = Text("EndpointName")


class OutboundRegistrationDetail(SorceryEvent):
    """An outbound registration of this server, for `PJSIPShowRegistrationsOutbound`."""

    server_uri = Text("ServerUri")
    client_uri = Text("ClientUri")
    status = Text("Status")
    next_reg = Seconds("NextReg")
    """From now until the next attempt."""
    expiration = Seconds("Expiration")
    max_retries = Integer("MaxRetries")
    retry_interval = Seconds("RetryInterval")
    forbidden_retry_interval = Seconds("ForbiddenRetryInterval")
    fatal_retry_interval = Seconds("FatalRetryInterval")
    max_random_initial_delay = Seconds("MaxRandomInitialDelay")
    auth_rejection_permanent = Boolean("AuthRejectionPermanent")
    outbound_auth = Text("OutboundAuth")
    outbound_proxy = Text("OutboundProxy")
    transport = Text("Transport")
    endpoint = Text("Endpoint")
    line = Boolean("Line")
    contact_user = Text("ContactUser")
    contact_header_params = Text("ContactHeaderParams")
    user_agent = Text("UserAgent")
    security_negotiation = Text("SecurityNegotiation")
    support_path = Boolean("SupportPath")
    support_outbound = Boolean("SupportOutbound")


class OutboundRegistrationDetailComplete(ListComplete):
    """The end of a list of `OutboundRegistrationDetail`.

    Its `ListItems` is the sum of the two numbers here.
    """

    registered = Integer("Registered")
    not_registered = Integer("NotRegistered")


class SubscriptionEvent(KnownEvent, abstract=True):
    """An item that describes a subscription."""

    role = Text("Role")
    endpoint = Text("Endpoint")
    callid = Text("Callid")
    call_id = callid.alias()
    state = Text("State")
    callerid = Text("Callerid")
    caller_id = callerid.alias()
    subscription_type = Text("SubscriptionType")
    extension = Text("Extension")
    exten = extension.alias()
    extension_states = Text("ExtensionStates")
    mailboxes = Text("Mailboxes")


class InboundSubscriptionDetail(SubscriptionEvent):
    """A subscription of another party at this server."""


class InboundSubscriptionDetailComplete(ListComplete):
    """The end of a list of `InboundSubscriptionDetail`."""


class OutboundSubscriptionDetail(SubscriptionEvent):
    """A subscription of this server at another one."""


class OutboundSubscriptionDetailComplete(ListComplete):
    """The end of a list of `OutboundSubscriptionDetail`."""


class ResourceListDetail(SorceryEvent):
    """A list of resources for subscriptions, as `PJSIPShowResourceLists` lists it."""

    event = Text("Event")
    """The name of this event. The event package of the list is the second of `getall("Event")`."""
    full_state = Boolean("FullState")
    list_item = Text("ListItem")
    notification_batch_interval = Integer("NotificationBatchInterval")
    """Milliseconds."""
    resource_display_name = Boolean("ResourceDisplayName")


class ResourceListDetailComplete(ListComplete):
    """The end of a list of `ResourceListDetail`."""


class PJSIPMaintenanceStatus(KnownEvent):
    """An endpoint was put into maintenance, or back into service. From Asterisk 20."""

    read_classes = ("system",)

    endpoint = Text("Endpoint")
    status = Boolean("Status")


class PJSIPMaintenanceStatusComplete(ListComplete):
    """The end of a list of `PJSIPMaintenanceStatus`."""
