"""The conformance cases, played to other AMI clients: what a user of each of them gets from the same bytes.

    python -m tests.peers

A small server greets, answers the login as Asterisk does, waits for the actions whose replies are in the case, and
sends the case's bytes: once in one piece and, on a second connection, in small pieces. Behind them it sends two more
events: one that the case may spoil, and one that is missed only by a client which reads no more. What the client has
then handed over through its public interface is compared with what the case expects. aioami is one of the clients, with
its `Manager`; it is treated as the others are. A process per client and case keeps a client that hangs or dies from
spoiling the next case.

The rules:

1. A case is passed if its messages were handed over, nothing else was, and so were the two events behind them. Both
   connections must show it.
2. Events and replies may come by any public way: callback, queue, listener, result of an action. Where a client has
   options, those are set that give its user most.
3. The case of header names and blanks around them are ignored, and so is the order of messages and of headers. Values
   are text, and must be equal. A byte that is no UTF-8 may come as a surrogate or as the character of Latin-1, but must
   be recognisable; a value that is percent-encoded may come decoded.
4. Of several headers of one name each value must be there: in a list, a mapping, or joined by line feeds. A value that
   is repeated unchanged may come once, but for the lines of a command's output, where each line counts. A header
   without a value may be missing, unless the case is about headers. One that is left as an unread line is missing.
5. What a client makes of a line that is no header is compared only where a whole message consists of such lines, or
   where they are a command's output. The output may come with the marker that ends it.
6. The server puts the action's ActionID into a reply that has none, as Asterisk does, unless its absence is what the
   case is about.
7. If the bytes end within a message, the server closes the connection, and the unfinished message must not be handed
   over. If the greeting is not AMI's, the user must be told within a quarter of a minute, in whatever way: an
   exception, no answer to the login, a lost connection.
8. Not applicable is what a client's interface has no notion of: a limit for the size of a message, an ActionID that
   cannot be sent, a reply that nobody can have asked for.
"""
