package lab

import (
	"os"
	"path/filepath"
)

// Home returns the directory that holds pare's records and results: PARE_HOME, else .pare at the root of the working
// directory's repository, else .pare in the working directory. It need not exist yet.
func Home() (string, error) {
	if dir := os.Getenv("PARE_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return filepath.Join(dir, ".pare"), nil
		}
		if dir == filepath.Dir(dir) {
			return filepath.Join(wd, ".pare"), nil
		}
	}
}

// TrackerPath returns the tracker's file inside [Home].
func TrackerPath() (string, error) {
	home, err := Home()
	return filepath.Join(home, "tracker.db"), err
}
