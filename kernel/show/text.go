package show

import "strings"

// terminal returns the width to write for: 80 columns where none is known, never fewer than 20.
func terminal(width int) int {
	if width <= 0 {
		return 80
	}
	return max(width, 20)
}

func headline(b *strings.Builder, title string, width int) {
	for _, line := range wrap(title, width) {
		b.WriteString(line + "\n")
	}
	if title != "" {
		b.WriteByte('\n')
	}
}

func paragraph(b *strings.Builder, text string, width int) {
	for _, line := range wrap(text, width) {
		b.WriteString(line + "\n")
	}
}
