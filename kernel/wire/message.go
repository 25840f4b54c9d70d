package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ProtocolVersion is the version of the message protocol that this package speaks.
const ProtocolVersion = "5.4"

// delimiter stands between the identities and the signature.
const delimiter = "<IDS|MSG>"

// Errors of [Key.Decode], besides those about JSON.
var (
	ErrNoDelimiter = errors.New("wire: no frame is the delimiter " + delimiter)
	ErrTooShort    = errors.New("wire: fewer than five frames after the delimiter")
	ErrSignature   = errors.New("wire: the signature is not the one that the key gives")
)

// Header says what a message is and who sent it.
type Header struct {
	MsgID    string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"` // ISO 8601
	MsgType  string `json:"msg_type"`
	Version  string `json:"version"`
}

// Message is one Jupyter message.
type Message struct {
	Identities [][]byte        // routing frames in front of the delimiter
	Header     Header          // never without MsgID and MsgType
	Parent     Header          // header of the request that caused this message; zero if none did
	Metadata   json.RawMessage // a JSON object
	Content    json.RawMessage // a JSON object
	Buffers    [][]byte        // binary attachments
}

// Key signs messages and checks signatures. An empty key means that messages are not signed.
type Key string

// Decode reads the frames of one message. Content and Metadata alias the frames.
func (k Key) Decode(frames [][]byte) (*Message, error) {
	at := -1
	for i, f := range frames {
		if string(f) == delimiter {
			at = i
			break
		}
	}
	if at < 0 {
		return nil, ErrNoDelimiter
	}
	parts := frames[at+1:]
	if len(parts) < 5 {
		return nil, ErrTooShort
	}
	if k != "" && !hmac.Equal(k.sign(parts[1:5]), bytes.ToLower(parts[0])) {
		return nil, ErrSignature
	}
	m := &Message{Identities: frames[:at:at], Metadata: parts[3], Content: parts[4], Buffers: parts[5:]}
	if err := json.Unmarshal(parts[1], &m.Header); err != nil {
		return nil, fmt.Errorf("wire: header: %w", err)
	}
	if m.Header.MsgID == "" || m.Header.MsgType == "" {
		return nil, errors.New("wire: header: msg_id and msg_type must not be empty")
	}
	if err := json.Unmarshal(parts[2], &m.Parent); err != nil {
		return nil, fmt.Errorf("wire: parent header: %w", err)
	}
	for _, object := range []struct {
		name string
		data []byte
	}{{"metadata", parts[3]}, {"content", parts[4]}} {
		if !isObject(object.data) {
			return nil, fmt.Errorf("wire: %s: not a JSON object", object.name)
		}
	}
	return m, nil
}

// Encode writes m as frames, signed. Missing metadata and content become empty objects.
func (k Key) Encode(m *Message) ([][]byte, error) {
	header, err := json.Marshal(m.Header)
	if err != nil {
		return nil, fmt.Errorf("wire: header: %w", err)
	}
	parent := []byte("{}")
	if m.Parent != (Header{}) {
		if parent, err = json.Marshal(m.Parent); err != nil {
			return nil, fmt.Errorf("wire: parent header: %w", err)
		}
	}
	parts := [][]byte{header, parent, orEmpty(m.Metadata), orEmpty(m.Content)}
	frames := make([][]byte, 0, len(m.Identities)+6+len(m.Buffers))
	frames = append(frames, m.Identities...)
	frames = append(frames, []byte(delimiter), k.sign(parts))
	frames = append(frames, parts...)
	return append(frames, m.Buffers...), nil
}

// sign returns the hexadecimal signature of the four JSON parts, empty without a key.
func (k Key) sign(parts [][]byte) []byte {
	if k == "" {
		return []byte{}
	}
	mac := hmac.New(sha256.New, []byte(k))
	for _, p := range parts {
		mac.Write(p)
	}
	return hex.AppendEncode(nil, mac.Sum(nil))
}

// New makes a message of the given type in a session; content is marshalled to JSON.
func New(session, msgType string, content any) (*Message, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("wire: content of %s: %w", msgType, err)
	}
	return &Message{
		Header: Header{
			MsgID: NewID(), Session: session, Username: "pare", MsgType: msgType, Version: ProtocolVersion,
			Date: time.Now().UTC().Format(time.RFC3339Nano),
		},
		Content: data,
	}, nil
}

// Reply makes a message of the given type whose parent is request, addressed to the request's sender.
func Reply(request *Message, msgType string, content any) (*Message, error) {
	m, err := New(request.Header.Session, msgType, content)
	if err != nil {
		return nil, err
	}
	m.Identities, m.Parent = request.Identities, request.Header
	return m, nil
}

// NewID returns 32 random hexadecimal digits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: see crypto/rand.Read
	return hex.EncodeToString(b[:])
}

func isObject(data []byte) bool {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(data)
}

func orEmpty(data json.RawMessage) []byte {
	if len(data) == 0 {
		return []byte("{}")
	}
	return data
}
