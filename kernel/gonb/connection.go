package gonb

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
)

// Connection is the content of a Jupyter connection file: where a kernel listens, and the key that signs its messages.
type Connection struct {
	Transport       string `json:"transport"` // "tcp"
	IP              string `json:"ip"`
	ShellPort       int    `json:"shell_port"`
	IOPubPort       int    `json:"iopub_port"`
	StdinPort       int    `json:"stdin_port"`
	ControlPort     int    `json:"control_port"`
	HBPort          int    `json:"hb_port"`
	Key             string `json:"key"`
	SignatureScheme string `json:"signature_scheme"` // "hmac-sha256"
	KernelName      string `json:"kernel_name,omitempty"`
}

// ReadConnection reads a connection file and checks what a kernel needs of it.
func ReadConnection(path string) (Connection, error) {
	var c Connection
	data, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("connection file %s: %w", path, err)
	}
	if c.Transport != "tcp" {
		return c, fmt.Errorf("connection file %s: transport is %q; only tcp is supported", path, c.Transport)
	}
	if c.SignatureScheme != "hmac-sha256" && c.Key != "" {
		return c, fmt.Errorf("connection file %s: signature_scheme is %q; only hmac-sha256 is supported", path, c.SignatureScheme)
	}
	for _, p := range c.ports() {
		if *p.port < 1 || *p.port > 65535 {
			return c, fmt.Errorf("connection file %s: %s is %d; expected a port from 1 to 65535", path, p.name, *p.port)
		}
	}
	return c, nil
}

// Address returns the ZeroMQ endpoint of a port of c.
func (c Connection) Address(port int) string {
	return fmt.Sprintf("%s://%s:%d", c.Transport, c.IP, port)
}

type namedPort struct {
	name string
	port *int
}

func (c *Connection) ports() []namedPort {
	return []namedPort{{"shell_port", &c.ShellPort}, {"iopub_port", &c.IOPubPort}, {"stdin_port", &c.StdinPort},
		{"control_port", &c.ControlPort}, {"hb_port", &c.HBPort}}
}

// newConnection picks five free ports on the loopback interface. Another process may take one before the kernel does;
// [Start] then tries again.
func newConnection(key string) (Connection, error) {
	c := Connection{Transport: "tcp", IP: "127.0.0.1", Key: key, SignatureScheme: "hmac-sha256", KernelName: "pare"}
	if c.Key == "" {
		c.Key = randomHex(16)
	}
	for _, p := range c.ports() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return c, err
		}
		defer l.Close() // after all five are chosen, so that they differ
		*p.port = l.Addr().(*net.TCPAddr).Port
	}
	return c, nil
}

// write puts c at path, readable by its owner alone: whoever has the key can run code.
func (c Connection) write(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: see crypto/rand.Read
	return hex.EncodeToString(b)
}
