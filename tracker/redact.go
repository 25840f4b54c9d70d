package tracker

import (
	"regexp"
	"strings"
)

// struck stands where something that looked like a secret was left out.
const struck = "[not recorded]"

var (
	// secretName matches names of flags and variables whose value is a secret.
	secretName = regexp.MustCompile(`(?i)(token|secret|passw|credential|api[-_]?key|access[-_]?key|private[-_]?key|auth([-_]|$)|bearer)`)
	// notSecret takes out names that speak of a language model's tokens.
	notSecret = regexp.MustCompile(`(?i)(tokens|tokeniz|tokenis|(bos|eos|pad|unk|max|per|num)[-_]?token)`)
	// secretText matches well-known access tokens by their published prefixes: Hugging Face, GitHub, GitLab, Slack, OpenAI-style, AWS, Google.
	secretText = regexp.MustCompile(`\b(hf_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|AKIA|AIza)[A-Za-z0-9_\-]{12,}`)
	// bearerText matches the value of an authorization header.
	bearerText = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}`)
	// userInfo matches the user and password of a URL.
	userInfo = regexp.MustCompile(`(://)[^/\s@]+@`)
)

// isSecret reports whether the name of a flag or variable speaks of a secret.
func isSecret(name string) bool { return secretName.MatchString(notSecret.ReplaceAllString(name, "")) }

// redactText strikes out known token forms and the user part of URLs.
func redactText(s string) string {
	s = secretText.ReplaceAllLiteralString(s, struck)
	s = bearerText.ReplaceAllLiteralString(s, struck)
	return userInfo.ReplaceAllString(s, "${1}"+struck+"@")
}

// redactCommand strikes out, beyond [redactText], the values of arguments whose names speak of a secret: --token=x, --token x, HF_TOKEN=x.
func redactCommand(args []string) []string {
	out := make([]string, len(args))
	next := false
	for i, arg := range args {
		name, _, hasValue := strings.Cut(arg, "=")
		secret := isSecret(name) && !strings.Contains(name, "/")
		switch {
		case next && !strings.HasPrefix(arg, "-"):
			out[i] = struck
		case secret && hasValue:
			out[i] = name + "=" + struck
		default:
			out[i] = redactText(arg)
		}
		next = secret && !hasValue && strings.HasPrefix(arg, "-")
	}
	return out
}
