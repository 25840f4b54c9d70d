// Package wire turns the frames of a Jupyter socket into messages and back.
//
//	key := wire.Key("secret from the connection file")
//	message, err := key.Decode(frames)          // checks signature, shape and JSON
//	frames, err = key.Encode(wire.Reply(message, "is_complete_reply", content))
//
// A message on the wire is: any number of identities, the delimiter, a signature, four JSON objects (header, parent header,
// metadata, content) and any number of binary buffers. The signature is the hexadecimal HMAC-SHA256 of the four objects as
// they stand, so a message that is passed on unchanged keeps its signature. See the section "The Wire Protocol" of
// https://jupyter-client.readthedocs.io/en/stable/messaging.html.
//
// The package opens no socket, starts nothing and never panics: whatever the frames hold, Decode returns a message or an error.
package wire
