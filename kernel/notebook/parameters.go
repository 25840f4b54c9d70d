package notebook

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Parameter is a variable that a notebook lets its caller set.
type Parameter struct {
	Name    string `json:"name"`
	Type    string `json:"type"`    // one of the types that a value on a command line can have, see [SetParameters]
	Default string `json:"default"` // Go expression; empty for the type's zero value
}

// Parameters lists the variables declared in the cell tagged "parameters", in order. A notebook without such a cell has none.
//
// A variable counts if its type is written or follows from a literal: bool, string, the sizes of int, uint and float,
// time.Duration, and slices of these. Others are left out, and so are constants.
func (nb *Notebook) Parameters() ([]Parameter, error) {
	at := nb.find(TagParameters)
	if at < 0 {
		return nil, nil
	}
	cell := nb.Cells[at]
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+goLines(cell.Source), parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("cell %d (%s), tagged %q: %w", at+1, cell.ID, TagParameters, err)
	}
	var list []Parameter
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			list = append(list, declared(spec.(*ast.ValueSpec))...)
		}
	}
	return list, nil
}

// goLines blanks GoNB's commands, and keeps the lines' numbers.
func goLines(source string) string {
	all := strings.Split(source, "\n")
	for i, line := range all {
		if strings.HasPrefix(line, "%") || strings.HasPrefix(line, "!") {
			all[i] = ""
		}
	}
	return strings.Join(all, "\n")
}

// declared returns the parameters of one declaration, `a, b int = 1, 2`.
func declared(spec *ast.ValueSpec) []Parameter {
	var list []Parameter
	for i, name := range spec.Names {
		p := Parameter{Name: name.Name}
		var value ast.Expr
		if len(spec.Values) == len(spec.Names) {
			value = spec.Values[i]
			p.Default = source(value)
		}
		if spec.Type != nil {
			p.Type = source(spec.Type)
		} else {
			p.Type = inferred(value)
		}
		if _, err := literal(p.Type, ""); !errors.Is(err, errNoLiteral) && name.Name != "_" {
			list = append(list, p)
		}
	}
	return list
}

// inferred returns the type that Go gives to a variable with this value, as far as the syntax tells; else "".
func inferred(value ast.Expr) string {
	switch v := value.(type) {
	case *ast.BasicLit:
		return map[token.Token]string{token.INT: "int", token.FLOAT: "float64", token.STRING: "string"}[v.Kind]
	case *ast.Ident:
		if v.Name == "true" || v.Name == "false" {
			return "bool"
		}
	case *ast.UnaryExpr:
		return inferred(v.X)
	case *ast.ParenExpr:
		return inferred(v.X)
	case *ast.CompositeLit:
		return source(v.Type)
	case *ast.BinaryExpr:
		if l := inferred(v.X); l == "time.Duration" || l == inferred(v.Y) {
			return l
		}
		if inferred(v.Y) == "time.Duration" {
			return "time.Duration"
		}
	case *ast.SelectorExpr:
		if pkg, ok := v.X.(*ast.Ident); ok && pkg.Name == "time" && durations[v.Sel.Name] {
			return "time.Duration"
		}
	}
	return ""
}

var durations = map[string]bool{"Nanosecond": true, "Microsecond": true, "Millisecond": true, "Second": true, "Minute": true, "Hour": true}

// SetParameters puts a cell that gives the named variables these values after the one tagged "parameters", in place of one
// that a former call put there. Values are written as on a command line: 0.3, pocket, true, 90s, and 0.2,0.3 for a slice.
// An unknown name, or a value that is not of the variable's type, is an error that lists what there is; nothing changes then.
func (nb *Notebook) SetParameters(values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	known, err := nb.Parameters()
	if err != nil {
		return err
	}
	if len(known) == 0 {
		return fmt.Errorf("the notebook has no parameters: no cell tagged %q declares a variable of a simple type", TagParameters)
	}
	var code strings.Builder
	code.WriteString("// Values given to this run.\n")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		at := slices.IndexFunc(known, func(p Parameter) bool { return p.Name == name })
		if at < 0 {
			return fmt.Errorf("no parameter %s; there are:\n%s", name, listed(known))
		}
		expr, err := literal(known[at].Type, values[name])
		if err != nil {
			return fmt.Errorf("parameter %s: %w; the parameters are:\n%s", name, err, listed(known))
		}
		fmt.Fprintf(&code, "var %s %s = %s\n", name, known[at].Type, expr)
	}
	nb.inject(strings.TrimSuffix(code.String(), "\n"))
	return nil
}

func listed(known []Parameter) string {
	var b strings.Builder
	for i, p := range known {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "    %s %s", p.Name, p.Type)
		if p.Default != "" {
			b.WriteString(" = " + p.Default)
		}
	}
	return b.String()
}

// inject puts code into the injected cell, which it makes if there is none.
func (nb *Notebook) inject(code string) {
	if at := nb.find(TagInjected); at >= 0 {
		nb.Cells[at].Source = code
		return
	}
	id := "injected-parameters"
	for taken := true; taken; {
		if taken = slices.ContainsFunc(nb.Cells, func(c *Cell) bool { return c.ID == id }); taken {
			id += "-1"
		}
	}
	nb.Cells = slices.Insert(nb.Cells, nb.find(TagParameters)+1, &Cell{
		ID: id, Type: Code, Source: code, Metadata: map[string]any{"tags": []any{TagInjected}},
	})
}

// find returns the index of the first code cell with the tag, -1 if there is none.
func (nb *Notebook) find(tag string) int {
	return slices.IndexFunc(nb.Cells, func(c *Cell) bool { return c.Type == Code && c.HasTag(tag) })
}
