// Package jinja renders chat templates: the part of the Jinja template language (jinja.palletsprojects.com, version 3.1) that
// models' chat templates use, with the settings of transformers' apply_chat_template (trim_blocks, lstrip_blocks, loop
// controls, a sandbox).
//
//	t, err := jinja.Parse("{% for m in messages %}{{ m.role }}: {{ m.content | trim }}\n{% endfor %}")
//	text, err := t.Render(map[string]any{"messages": messages})
//
// # The three steps
//
// A template is cut into text and tags (lex.go, token.go), parsed into functions (statement.go, expression.go), and these run
// over a scope of variables (scope.go). Values are Python's: value.go, compare.go and arith.go say how they print, compare and
// add up; filters.go, tests.go and methods.go hold what templates call by name.
//
// # What it does not do
//
// Templates cannot load other templates; there are no blocks, call blocks, with, recursive loops or custom extensions. A tag,
// filter, test or method that is not known is an error that names it. The libraries that render Jinja in Go were measured and
// left: they index lists and print none in other ways than Python, and a template can end the program by calling itself.
//
// Templates come with models of any origin: nesting, steps and the length of what is built are bounded, and a template that
// goes beyond is an error.
package jinja
