package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The signature was computed outside Go:
//
//	printf '{"msg_id":"1","msg_type":"t"}{}{}{"a":1}' | openssl dgst -sha256 -hmac secret
const foreignSignature = "7ca9ac7f2cc97ad7dd6e17b70113a0bb89ccee10e87c9cb0dcd0f10e6022226d"

func frames(parts ...string) [][]byte {
	out := make([][]byte, len(parts))
	for i, p := range parts {
		out[i] = []byte(p)
	}
	return out
}

func TestDecodeAcceptsForeignSignature(t *testing.T) {
	m, err := Key("secret").Decode(frames("id1", "id2", delimiter, foreignSignature,
		`{"msg_id":"1","msg_type":"t"}`, `{}`, `{}`, `{"a":1}`, "buffer"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Message{Identities: frames("id1", "id2"), Header: Header{MsgID: "1", MsgType: "t"},
		Metadata: []byte("{}"), Content: []byte(`{"a":1}`), Buffers: frames("buffer")}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRejects(t *testing.T) {
	const header = `{"msg_id":"1","msg_type":"t"}`
	for _, c := range []struct {
		name   string
		key    Key
		frames [][]byte
		want   string
	}{
		{"nothing", "", nil, ErrNoDelimiter.Error()},
		{"no delimiter", "", frames("a", "b"), ErrNoDelimiter.Error()},
		{"delimiter last", "", frames("a", delimiter), ErrTooShort.Error()},
		{"four parts", "", frames(delimiter, "", header, "{}", "{}"), ErrTooShort.Error()},
		{"wrong key", "other", frames(delimiter, foreignSignature, header, "{}", "{}", `{"a":1}`), ErrSignature.Error()},
		{"changed content", "secret", frames(delimiter, foreignSignature, header, "{}", "{}", `{"a":2}`), ErrSignature.Error()},
		{"no signature", "secret", frames(delimiter, "", header, "{}", "{}", `{"a":1}`), ErrSignature.Error()},
		{"header not JSON", "", frames(delimiter, "", "x", "{}", "{}", "{}"), "header"},
		{"header of wrong type", "", frames(delimiter, "", `{"msg_id":1}`, "{}", "{}", "{}"), "header"},
		{"header without type", "", frames(delimiter, "", `{"msg_id":"1"}`, "{}", "{}", "{}"), "msg_type"},
		{"parent not JSON", "", frames(delimiter, "", header, "", "{}", "{}"), "parent"},
		{"metadata is a list", "", frames(delimiter, "", header, "{}", "[]", "{}"), "metadata"},
		{"content is null", "", frames(delimiter, "", header, "{}", "{}", "null"), "content"},
		{"content is cut", "", frames(delimiter, "", header, "{}", "{}", `{"a":`), "content"},
	} {
		m, err := c.key.Decode(c.frames)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, error %v; want an error that says %q", c.name, m, err, c.want)
		}
	}
}

func TestEncodeThenDecode(t *testing.T) {
	for _, key := range []Key{"", "secret"} {
		request, err := New("session", "execute_request", ExecuteRequest{Code: "1 < 2 & \"é\"", Silent: true})
		if err != nil {
			t.Fatal(err)
		}
		request.Identities = frames("\x00\x01", "b")
		reply, err := Reply(request, "execute_reply", ExecuteReply{Status: "ok", ExecutionCount: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*Message{request, reply} {
			encoded, err := key.Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			back, err := key.Decode(encoded)
			if err != nil {
				t.Fatal(err)
			}
			m.Metadata, m.Buffers = []byte("{}"), [][]byte{}
			if diff := cmp.Diff(m, back); diff != "" {
				t.Error(diff)
			}
		}
		var content ExecuteRequest
		if err := request.Into(&content); err != nil || content.Code != "1 < 2 & \"é\"" {
			t.Errorf("content came back as %+v, %v", content, err)
		}
		if reply.Parent != request.Header || reply.Header.Session != "session" {
			t.Errorf("the reply is not addressed to its request: %+v", reply)
		}
	}
}

func TestIntoNamesTheType(t *testing.T) {
	m := &Message{Header: Header{MsgType: "stream"}, Content: []byte(`{"text":1}`)}
	if err := m.Into(&Stream{}); err == nil || !strings.Contains(err.Error(), "stream") {
		t.Errorf("got %v", err)
	}
}

// FuzzDecode holds Decode to its promises: no panic, and what it accepts survives another encoding.
func FuzzDecode(f *testing.F) {
	f.Add("secret", "id\n"+delimiter+"\n"+foreignSignature+"\n{\"msg_id\":\"1\",\"msg_type\":\"t\"}\n{}\n{}\n{\"a\":1}\nb")
	f.Add("", delimiter+"\n\n{\"msg_id\":\"1\",\"msg_type\":\"t\",\"x\":[]}\n{}\n {}\n{}")
	f.Add("k", "")
	f.Fuzz(func(t *testing.T, key, text string) {
		in := frames(strings.Split(text, "\n")...)
		m, err := Key(key).Decode(in)
		if err != nil {
			if m != nil {
				t.Error("a message beside an error")
			}
			return
		}
		encoded, err := Key(key).Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Key(key).Decode(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Error(diff)
		}
		if _, err := Key(key + "x").Decode(encoded); !errors.Is(err, ErrSignature) {
			t.Errorf("another key was accepted: %v", err)
		}
	})
}
