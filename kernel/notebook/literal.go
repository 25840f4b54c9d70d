package notebook

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"math"
	"strconv"
	"strings"
	"time"
)

// errNoLiteral says that a type has no values that can be written on a command line.
var errNoLiteral = errors.New("not a type that a value on the command line can have")

// literal turns a value as written on a command line into a Go expression of the type.
func literal(typ, value string) (string, error) {
	if elem, ok := strings.CutPrefix(typ, "[]"); ok {
		return sliceLiteral(typ, elem, value)
	}
	wrong := func(expected string) error {
		return fmt.Errorf("expected %s for type %s, found %q", expected, typ, value)
	}
	switch typ {
	case "string":
		return strconv.Quote(value), nil
	case "bool":
		v, err := strconv.ParseBool(value)
		if err != nil {
			return "", wrong("true or false")
		}
		return strconv.FormatBool(v), nil
	case "time.Duration":
		d, err := time.ParseDuration(value)
		if err != nil {
			return "", wrong("a duration such as 90s or 1h30m")
		}
		return fmt.Sprintf("%d /* %v */", int64(d), d), nil
	}
	if bits, ok := strings.CutPrefix(typ, "float"); ok {
		size, err := strconv.Atoi(bits)
		if err != nil || size != 32 && size != 64 {
			return "", errNoLiteral
		}
		v, err := strconv.ParseFloat(value, size)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return "", wrong("a finite number")
		}
		return strconv.FormatFloat(v, 'g', -1, size), nil
	}
	return integerLiteral(typ, value, wrong)
}

func integerLiteral(typ, value string, wrong func(string) error) (string, error) {
	sizes := map[string]int{"": 64, "8": 8, "16": 16, "32": 32, "64": 64}
	if bits, ok := strings.CutPrefix(typ, "uint"); ok {
		size, ok := sizes[bits]
		if !ok {
			return "", errNoLiteral
		}
		v, err := strconv.ParseUint(value, 0, size)
		if err != nil {
			return "", wrong("a whole number from 0 to " + strconv.FormatUint(math.MaxUint64>>(64-size), 10))
		}
		return strconv.FormatUint(v, 10), nil
	}
	bits, ok := strings.CutPrefix(typ, "int")
	size, known := sizes[bits]
	if !ok || !known {
		return "", errNoLiteral
	}
	v, err := strconv.ParseInt(value, 0, size)
	if err != nil {
		return "", wrong("a whole number")
	}
	return strconv.FormatInt(v, 10), nil
}

// sliceLiteral reads values separated by commas; an empty text is an empty slice.
func sliceLiteral(typ, elem, value string) (string, error) {
	if strings.HasPrefix(elem, "[]") {
		return "", errNoLiteral
	}
	if value == "" {
		_, err := literal(elem, "")
		if errors.Is(err, errNoLiteral) {
			return "", err
		}
		return typ + "{}", nil
	}
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		expr, err := literal(elem, strings.TrimSpace(item))
		if err != nil {
			return "", err
		}
		items = append(items, expr)
	}
	return typ + "{" + strings.Join(items, ", ") + "}", nil
}

// source prints an expression as Go code on one line.
func source(e ast.Expr) string {
	if e == nil {
		return ""
	}
	var b bytes.Buffer
	if printer.Fprint(&b, token.NewFileSet(), e) != nil {
		return ""
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
