package tracker

import (
	"reflect"
	"strings"
	"testing"
)

// TestSecretsAreNotCaptured plants a secret in every place that is captured.
func TestSecretsAreNotCaptured(t *testing.T) {
	const secret = "hunter2hunter2xyz"
	planted := [][]string{
		{"--token=" + secret}, {"--token", secret}, {"-api-key", secret}, {"--hf-token=" + secret}, {"HF_TOKEN=" + secret}, {"--password", secret},
		{"https://me:" + secret + "@host/x"}, {"hf_" + secret}, {"--x=hf_" + secret}, {"ghp_" + secret}, {"sk-" + secret}, {"Authorization: Bearer " + secret},
		{"--aws-secret-access-key=" + secret}, {"--auth=" + secret}, {"glpat-" + secret}, {"PASSWD=" + secret}, {"--credentials", secret},
	}
	for _, args := range planted {
		if got := strings.Join(redactCommand(args), " "); strings.Contains(got, secret) || !strings.Contains(got, struck) {
			t.Errorf("%q became %q", args, got)
		}
	}
	plain := []string{"pare", "run", "--max-tokens=5", "--tokenizer", "t.json", "--bos-token", "<s>", "--author=me", "/home/x/tokens/a=b", "--ratio", "-1", "risk-free-method-number-one"}
	if got := redactCommand(plain); !reflect.DeepEqual(got, plain) {
		t.Errorf("harmless arguments %q became %q", plain, got)
	}
	environ := []string{"PARE_BACKEND=go", "PARE_TOKEN=" + secret, "HF_TOKEN=" + secret, "HOME=/root", "GOMLX_BACKEND=go:x=1", "GOEXPERIMENT=simd", "PARE_URL=http://u:" + secret + "@h"}
	want := map[string]string{"PARE_BACKEND": "go", "GOMLX_BACKEND": "go:x=1", "GOEXPERIMENT": "simd", "PARE_URL": "http://" + struck + "@h"}
	if got := settings(environ); !reflect.DeepEqual(got, want) {
		t.Errorf("settings are %v, want %v", got, want)
	}
	o := Origin{CellSource: "os.Setenv(\"HF_TOKEN\", \"hf_" + secret + "\")", Command: planted[0]}.completed(Origin{})
	if strings.Contains(o.CellSource+o.Command[0], secret) {
		t.Errorf("the origin holds the secret: %+v", o)
	}
}
