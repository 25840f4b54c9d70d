package hub

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// defaultEndpoint is the hub where HF_ENDPOINT names none.
const defaultEndpoint = "https://huggingface.co"

// environment is what the variables of huggingface_hub say.
type environment struct {
	endpoint string // without a slash at its end
	token    string // empty for none
	cache    string
}

// readEnvironment reads the variables. It fails where they forbid the network.
func readEnvironment(kind Kind) (environment, error) {
	if variable := offline(); variable != "" {
		return environment{}, fmt.Errorf("%w: %s; unset it to pull, or, %s", ErrOffline, variable, withoutNetwork[kind])
	}
	cache, err := CacheDir()
	if err != nil {
		return environment{}, err
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return environment{}, err
	}
	endpoint, err := readEndpoint()
	if err != nil {
		return environment{}, err
	}
	token, err := readToken()
	return environment{endpoint: endpoint, token: token, cache: cache}, err
}

// offline returns the variable that forbids the network with its value, "" where none does. huggingface_hub takes either.
func offline() string {
	for _, name := range []string{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		if value := os.Getenv(name); isTrue(value) {
			return name + "=" + value
		}
	}
	return ""
}

// isTrue reads a switch as huggingface_hub does.
func isTrue(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

func readEndpoint() (string, error) {
	endpoint := strings.TrimRight(os.Getenv("HF_ENDPOINT"), "/")
	if endpoint == "" {
		return defaultEndpoint, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("HF_ENDPOINT: expected an address such as %s, without a user, a query or a fragment", defaultEndpoint)
	}
	return endpoint, nil
}

// readToken returns the user's token: HF_TOKEN, or the older HUGGING_FACE_HUB_TOKEN, or what 'hf auth login' left in a file.
// The token itself is in no error.
func readToken() (string, error) {
	if isTrue(os.Getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return "", nil
	}
	for _, name := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} {
		if token := strings.TrimSpace(os.Getenv(name)); token != "" {
			return token, checkToken(token, name)
		}
	}
	path, err := tokenPath()
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("the file of the token: %w; set HF_TOKEN, or HF_TOKEN_PATH to another file", err)
	}
	token := strings.TrimSpace(string(raw))
	return token, checkToken(token, path)
}

func tokenPath() (string, error) {
	if path := os.Getenv("HF_TOKEN_PATH"); path != "" {
		return expandHome(path)
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return expandHome(filepath.Join(dir, "token"))
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return expandHome(filepath.Join(dir, "huggingface", "token"))
	}
	return expandHome(filepath.Join("~", ".cache", "huggingface", "token"))
}

// checkToken refuses what cannot stand in a header.
func checkToken(token, where string) error {
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("%s: expected one token, such as hf_ and letters, found a space, a line break or another character that no token has", where)
		}
	}
	return nil
}
