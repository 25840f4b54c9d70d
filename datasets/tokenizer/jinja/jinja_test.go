package jinja

import (
	"strings"
	"testing"
)

func variables() map[string]any {
	return map[string]any{
		"messages": []any{NewDict("role", "system", "content", "Be <kind> & brief."), NewDict("role", "user", "content", "Hi é")},
		"one":      []any{NewDict("role", "user")},
		"n":        7, "text": "a-b-c", "nobody": nil, "list": []string{"x", "y"}, "deep": map[string]any{"b": 1, "a": []int{2}},
	}
}

// TestRender holds templates against what Python's Jinja 3.1 gives with trim_blocks and lstrip_blocks, worked out by hand from
// its documentation.
func TestRender(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		// white space
		{"a\n    {% if true %}\nb\n    {% endif %}\nc", "a\nb\nc"},
		{"a\n    {%+ if true %}\nb{% endif %}", "a\n    b"},
		{"a {%- if true -%}  \n b {%- endif %} c", "ab c"},
		{"a\n  {{- 'x' -}}  \n b", "axb"},
		{"a\n  {{ 'x' }}\n b\n", "a\n  x\n b"},
		{"{# c #}\na\n  {#- c -#}  b", "ab"},
		{"  {% set x = 1 %}\n\n{{ x }}", "\n1"},
		{"{% raw %}{{ x }}{% endraw %}!", "{{ x }}!"},
		{"{{ {'a': {'b': 1}} }}", "{'a': {'b': 1}}"},
		{"a { b } {", "a { b } {"},
		{"{{ '}}' }}{{ \"%}\" }}", "}}%}"},
		// literals and strings
		{`{{ 'a\tb\'c\u00e9\x41\q' }}`, "a\tb'céA\\q"},
		{`{{ 'a' 'b' "c" }}`, "abc"},
		{`{{ 1_000 }} {{ 2.5 }} {{ 1e3 }} {{ 7.0 }} {{ 1e16 }} {{ 0.00001 }}`, "1000 2.5 1000.0 7.0 1e+16 1e-05"},
		{`{{ true }} {{ None }} {{ none }} {{ nothing }}|`, "True None None |"},
		{`{{ ['a', "it's", 1, none, 1.5, [true]] }}`, `['a', "it's", 1, None, 1.5, [True]]`},
		{`{{ {'a': 'b\n'} }} {{ deep }}`, `{'a': 'b\n'} {'a': [2], 'b': 1}`},
		{`{{ (1, 2)[1] }}{{ (3) }}{{ () }}`, "23[]"},
		// operators
		{`{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }}`, "7 9 3 -4 2 3.5 3.0 1024"},
		{`{{ 'a' + 'b' ~ 1 ~ none }} {{ 'ab' * 2 }} {{ [1] + [2] }}`, "ab1None abab [1, 2]"},
		{`{{ '%s is %d and %.2f%%' % ('x', 3, 1.239) }} {{ 'v%s' % 1 }}`, "x is 3 and 1.24% v1"},
		{`{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ 'a' != 'b' }} {{ 'a' < 'b' }} {{ [1, 2] == [1, 2] }} {{ true == 1 }}`, "True False True True True True True"},
		{`{{ 'b' in text }} {{ 'role' in messages[0] }} {{ 'x' not in list }} {{ 2 in [1, 2] }} {{ 'x' in nothing }}`, "True True False True False"},
		{`{{ not false and true or false }} {{ not not 3 }} {{ '' or 'd' }} {{ 0 and 1 }} {{ 'a' and 'b' }}`, "True True d 0 b"},
		{`{{ 'y' if n > 5 else 'n' }} {{ 'y' if n > 9 }}| {{ 1 if false else 2 if false else 3 }}`, "y | 3"},
		{`{{ -n }} {{ -n + 1 }} {{ - 2 | abs }} {{ +3 }}`, "-7 -6 2 3"},
		// items, slices
		{`{{ messages[0].role }} {{ messages[-1]['content'] }} {{ one[-1].role }} {{ messages[9] is defined }} {{ text[0] }}{{ text[-1] }} {{ 'né'[1] }}`, "system Hi é user False ac é"},
		{`{{ text[1:] }} {{ text[:-1] }} {{ text[::-1] }} {{ text[::2] }} {{ 'naïve'[2:4] }} {{ [1,2,3][5:] }} {{ [1,2,3][-2:] }} {{ text[3:1:-1] }}`, "-b-c a-b- c-b-a abc ïv [] [2, 3] -b"},
		{`{{ messages[1:] | length }} {{ messages.0.role }} {{ deep.a[0] }}`, "1 system 2"},
		{`{{ messages[0].get('name', 'none') }} {{ messages[0].get('x') }} {{ deep.keys() }} {{ deep.values() }}`, "none None ['a', 'b'] [[2], 1]"},
		// statements
		{`{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}`, "role=system;content=Be <kind> & brief.;"},
		{`{% for m in messages if m.role != 'system' %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ m.role }}{% else %}none{% endfor %}`, "1TrueTrueuser"},
		{`{% for x in [] %}a{% else %}none{% endfor %}{% for x in nothing %}a{% endfor %}{% for c in 'ab' %}{{ c }}.{% endfor %}`, "nonea.b."},
		{`{% for i in range(4) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}`, "02"},
		{`{% for i in range(2, 9, 3) %}{{ i }}:{{ loop.revindex }}:{{ loop.index0 }}:{{ loop.length }}:{{ loop.previtem }}:{{ loop.nextitem }} {% endfor %}`, "2:3:0:3::5 5:2:1:3:2:8 8:1:2:3:5: "},
		{`{% for i in [1,2,3] %}{{ loop.cycle('a', 'b') }}{% endfor %}`, "aba"},
		{`{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 3 %}{% endif %}{{ x }}`, "213"},
		{`{% set ns = namespace(n=0, s='') %}{% for i in [1,2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}{{ ns.s }}`, "3"},
		{`{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set x %}b{{ 1 }} {% endset %}[{{ x }}]{% set y | upper %}q{% endset %}{{ y }}`, "12[b1 ]Q"},
		{`{% if n > 9 %}a{% elif n > 5 %}b{% else %}c{% endif %}`, "b"},
		{`{% macro f(x, y=2, z=x) %}{{ x }}-{{ y }}-{{ z }}{% endmacro %}{{ f(1) }} {{ f(3, y=5) }} {{ f('a' ~ 'b', 1, 2) | upper }}`, "1-2-1 3-5-3 AB-1-2"},
		{`{% macro down(n) %}{{ n }}{% if n > 0 %}{{ down(n - 1) }}{% endif %}{% endmacro %}{{ down(3) }}`, "3210"},
		{`{% filter upper %}abc{{ 1 }}{% endfilter %}{% generation %}x{% endgeneration %}`, "ABC1x"},
		// tests
		{`{{ nothing is defined }} {{ n is not none }} {{ nobody is none }} {{ text is string }} {{ n is number }} {{ 1.5 is float }} {{ n is integer }} {{ deep is mapping }} {{ list is sequence }} {{ deep is iterable }}`, "False True True True True True True True True True"},
		{`{{ n is odd }} {{ n is divisibleby 7 }} {{ n is divisibleby(2) }} {{ n is equalto 7 }} {{ n is in [7] }} {{ true is true }} {{ false is boolean }} {{ n is ge 8 }}`, "True True False True True True True False"},
		{`{{ text is string and n is number }} {{ 'x' if nothing is undefined else 'y' }}`, "True x"},
		// filters
		{`{{ ' a ' | trim }}{{ 'xax' | trim('x') }} {{ text | replace('-', '+') }} {{ text | upper }} {{ 'hello woRLD' | title }} {{ 'aBC' | capitalize }}`, "aa a+b+c A-B-C Hello World Abc"},
		{`{{ messages | map(attribute='role') | join(', ') }} {{ list | map('upper') | list }} {{ messages | join('|', attribute='role') }}`, "system, user ['X', 'Y'] system|user"},
		{`{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'in', ['user']) | map(attribute='role') | first }} {{ [1, 0, 2] | select | list }} {{ [1, 2, 3] | reject('odd') | list }} {{ messages | selectattr('name', 'defined') | list }}`, "1 system [1, 2] [2] []"},
		{`{{ nothing | default('d') }} {{ '' | d('e') }} {{ '' | default('e', true) }} {{ none | default('x') }}`, "d  e None"},
		{`{{ [3, 1, 2] | sort }} {{ ['b', 'A'] | sort }} {{ [3, 1] | sort(reverse=true) }} {{ [1, 2] | reverse | list }} {{ 'ab' | reverse }} {{ [1, 1, 2] | unique | list }}`, "[1, 2, 3] ['A', 'b'] [3, 1] [2, 1] ba [1, 2]"},
		{`{{ [3, 1] | min }} {{ [3, 1] | max }} {{ [3, 1] | sum }} {{ '12' | int + 1 }} {{ 'x' | int }} {{ 3.7 | int }} {{ '1.5' | float }} {{ 2.567 | round(2) }} {{ 5 | string + 'a' }}`, "1 3 4 13 0 3 1.5 2.57 5a"},
		{`{{ deep | items | list }} {{ deep | dictsort | first | first }} {{ 'é' | length }} {{ 'a\nb' | indent(2) }} {{ '<' | e }}`, "[['a', [2]], ['b', 1]] a 1 a\n  b &lt;"},
		{`{{ messages[0] | tojson }} {{ {'a': [1, 2.0, true, none, 'é"\n</']} | tojson }}`, `{"role": "system", "content": "Be <kind> & brief."} {"a": [1, 2.0, true, null, "é\"\n</"]}`},
		{`{{ {'a': [1], 'b': {}} | tojson(indent=2) }}`, "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}"},
		// methods
		{`{{ ' a '.strip() }}{{ 'xxa'.lstrip('x') }}{{ 'a\n'.rstrip() }} {{ text.split('-') }} {{ ' a  b '.split() }} {{ text.split('-', 1) }} {{ text.rsplit('-', 1)[0] }}`, "aaa ['a', 'b', 'c'] ['a', 'b'] ['a', 'b-c'] a-b"},
		{`{{ text.startswith('a') }} {{ text.endswith(('x', 'c')) }} {{ text.replace('-', '', 1) }} {{ text.upper() }} {{ 'né'.find('é') }} {{ text.count('-') }} {{ '-'.join(list) }} {{ 'ab'.removeprefix('a') }} {{ '12'.isdigit() }} {{ 'a\nb'.splitlines() }}`, "True True ab-c A-B-C 1 2 x-y b True ['a', 'b']"},
		{`{{ 'x</think>y'.split('</think>')[-1].lstrip('\n') }} {{ ('a' ~ 'b').upper() }} {{ [1, 2].index(2) }}`, "y AB 1"},
	} {
		tmpl, err := Parse(c.source)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		if got, err := tmpl.Render(variables()); err != nil || got != c.want {
			t.Errorf("%s: %v\n%q, expected\n%q", c.source, err, got, c.want)
		}
	}
}

// TestErrors: templates that are wrong, that object, or that mean harm.
func TestErrors(t *testing.T) {
	for source, want := range map[string]string{
		"a\nb {% if %}": "line 2: an expression is missing",
		"{% if true %}": "without endif",
		"{% endif %}":   `tag "endif"`,
		"{% if 1 %}{% else %}{% elif 2 %}{% endif %}": "elif after else",
		"{{ 1":                                   "without its }}",
		"{# 1":                                   "comment without its end",
		"{% raw %}x":                             "raw without its endraw",
		"{{ 'x }}":                               "without its",
		"{{ 1 2 }}":                              `unexpected "2"`,
		"{{ a ? b }}":                            "unexpected '?'",
		"{{ x | nofilter }}":                     `filter "nofilter" is not supported`,
		"{{ x is notest }}":                      `test "notest" is not supported`,
		"{{ 'x'.nomethod() }}":                   "no method nomethod",
		"{{ [1].append(2) }}":                    "templates cannot change lists",
		"{% include '/etc/hosts' %}":             `tag "include"`,
		"{% for x in y recursive %}{% endfor %}": "recursive loops are not supported",
		"x\n{{ raise_exception('no such role') }}": "line 2: no such role",
		"{{ nothing.at.all }}":                     `"nothing", which is undefined`,
		"{{ nothing() }}":                          "cannot call",
		"{{ 1 + 'a' }}":                            "+ between a number and a string",
		"{{ 1 // 0 }}":                             "division by zero",
		"{{ 1 < 'a' }}":                            "cannot order",
		"{{ 'a' % (1, 2) }}":                       "too many arguments",
		"{% break %}":                              "outside a loop",
		"{% set a.b = 1 %}":                        "no namespace",
		"{% set a, b = [1] %}":                     "expected 2 values",
		"{{ text[::0] }}":                          "step 0",
		"{{ range(1000000000) }}":                  "more than 100000",
		"{% macro m(a) %}{{ m(a) }}{% endmacro %}{{ m(1) }}":                                          "called more than 200 deep",
		"{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}":                                          "called more than 200 deep",
		"{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}":              "more than 2000000 steps",
		"{% set n = namespace(s='x') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}": "more than 16777216 bytes",
		"{% set n = namespace(l=[1]) %}{% for i in range(99) %}{% set n.l = n.l + n.l %}{% endfor %}": "more than 100000 elements",
		"{{ 'x' * 999999999999 }}":                          "more than 16777216 bytes",
		"{{ 9 ** 99 }}":                                     "too large",
		"{{ " + strings.Repeat("(", 300) + "}}":             "nested more than 200 deep",
		"{{ " + strings.Repeat("[", 300) + "}}":             "nested more than 200 deep",
		"{{ " + strings.Repeat("1 if 1 else ", 300) + "1}}": "nested more than 200 deep",
		strings.Repeat("{% if a %}", 300):                   "tags nested more than 200 deep",
		"{{ 1" + strings.Repeat(" + 1", 20_000) + " }}":     "operations in a row",
		strings.Repeat("{# long #}", 200_000):               "at most 1048576 bytes",
	} {
		tmpl, err := Parse(source)
		if err == nil {
			_, err = tmpl.Render(variables())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: error %v, expected one with %q", source, err, want)
		}
	}
	tmpl, err := Parse("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Render(map[string]any{"c": make(chan int)}); err == nil || !strings.Contains(err.Error(), "variable c") {
		t.Errorf("a channel as variable: error %v", err)
	}
}

// FuzzTemplate: no template makes the renderer panic.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"{% for m in messages %}{{ m.role | upper }}{% if loop.last %}!{% endif %}{% endfor %}", "{%- set x = [1, 'a', {'b': 2}][::-1] -%}{{ x | tojson(indent=1) }}",
		"{% macro f(a, b=1) %}{{ a ~ b }}{% endmacro %}{{ f(text[1:-1].split('-', 1) | join, b=n % 3) }}", "{% raw %}{{{% endraw %}{# #}", "{{ '%s' % n is not none and -n ** 2 in list }}",
		"{% set a, b = 1, 2 %}{% set ns.x %}{% endset %}", "{{ messages | selectattr('role', 'in', list) | sort | first | default('x', true) }}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 2000 {
			return
		}
		if tmpl, err := Parse(source); err == nil {
			_, _ = tmpl.Render(variables())
		}
	})
}
