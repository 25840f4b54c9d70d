package show

import (
	"fmt"
	"strings"
)

// Network is a graph drawn in levels from top to bottom, such as a computation: who gives to whom, and what belongs to which group.
type Network struct {
	Title, Caption string
	Nodes          []NetworkNode
	Edges          [][2]int // from one of Nodes to another; one that does not lead to a higher level is left out and counted
	Groups         []string // what the colours mean
}

// NetworkNode is a node of a [Network].
type NetworkNode struct {
	Label  string
	Detail string // shown on hovering
	Level  int    // from 0, the top
	Round  bool   // drawn with round ends, to tell two sorts of nodes apart
	Groups []int  // of Network.Groups: the colours at its foot
}

// Sizes of a network, in units of its view box.
const (
	netRow   = 52.0 // from one level to the next
	netHigh  = 24.0 // of a node
	netGap   = 12.0 // between two nodes of a level
	netPaint = 4.0  // of the colours at the foot
)

// drawn are the edges that lead to a higher level, and how many do not.
func (n Network) drawn() (edges [][2]int, left int) {
	for _, e := range n.Edges {
		if min(e[0], e[1]) < 0 || max(e[0], e[1]) >= len(n.Nodes) || n.level(e[0]) >= n.level(e[1]) {
			left++
			continue
		}
		edges = append(edges, e)
	}
	return edges, left
}

// mostLevels is how many levels are drawn; deeper nodes stand on the last.
const mostLevels = 200

func (n Network) level(i int) int { return min(max(n.Nodes[i].Level, 0), mostLevels-1) }

// groups are those of a node's groups that have a name.
func (n Network) groups(i int) (groups []int) {
	for _, g := range n.Nodes[i].Groups {
		if g >= 0 && g < len(n.Groups) {
			groups = append(groups, g)
		}
	}
	return groups
}

// HTML implements [Fragment].
func (n Network) HTML() string {
	edges, left := n.drawn()
	if len(n.Nodes) == 0 {
		return figure("net", n.Title, "", n.Caption, []string{"There is nothing to draw."})
	}
	l := n.layout(edges)
	id := identity(fmt.Sprint(n))
	v := newCanvas(id, mapWidth, l.height, orElse(n.Title, "Network"), fmt.Sprintf("%d nodes on %d levels, %d edges.", len(n.Nodes), len(l.levels), len(edges)))
	for _, chain := range l.chains {
		v.draw("path", "", "class", "pare-r", "d", l.path(chain))
	}
	for i := range n.Nodes {
		n.node(v, l, i)
	}
	return figure("net", n.Title, n.legend()+v.String(), n.Caption, n.notes(left))
}

func (n Network) notes(left int) []string {
	if left == 0 {
		return nil
	}
	return []string{"Not drawn: " + plural(left, "edge") + " that do not lead downwards."}
}

// node draws a node: its box, its label and the colours of its groups.
func (n Network) node(v *canvas, l netLayout, i int) {
	at := l.items[i]
	x, y, round := at.x-at.wide/2, l.y(at.level)-netHigh/2, 4.0
	if n.Nodes[i].Round {
		round = netHigh / 2
	}
	groups := n.groups(i)
	hover := clean(n.Nodes[i].Label)
	for _, g := range groups {
		hover += ", " + clean(n.Groups[g])
	}
	if n.Nodes[i].Detail != "" {
		hover += ": " + clean(n.Nodes[i].Detail)
	}
	v.draw("rect", hover, "class", "pare-r", "style", "fill:var(--pb)", "x", x, "y", y, "width", at.wide, "height", netHigh, "rx", round)
	v.text("", middle, at.x, y+netHigh/2+3, shorten(clean(n.Nodes[i].Label), at.wide-8), "style", "pointer-events:none")
	inner := at.wide - 2*round
	for k, g := range groups {
		wide := inner / float64(len(groups))
		v.draw("rect", "", "style", colour(g)+";fill:var(--c);pointer-events:none", "x", x+round+wide*float64(k), "y", y+netHigh-netPaint/2, "width", wide, "height", netPaint)
	}
}

func (n Network) legend() string {
	var b strings.Builder
	b.WriteString(`<ul class="pare-legend">`)
	for g, name := range n.Groups {
		fmt.Fprintf(&b, `<li><svg viewBox="0 0 30 14"><rect style="%s;fill:var(--c)" x="2" y="5" width="26" height="4"/></svg>%s</li>`, colour(g), escape(name))
	}
	b.WriteString("</ul>")
	if len(n.Groups) == 0 {
		return ""
	}
	return b.String()
}

// Text implements [Fragment]: a line for every node, with what it belongs to and what gives to it.
func (n Network) Text(width int) string {
	width = terminal(width)
	edges, left := n.drawn()
	var b strings.Builder
	headline(&b, n.Title, width)
	for level := range mostLevels {
		for i, node := range n.Nodes {
			if n.level(i) != level {
				continue
			}
			line := pad(fmt.Sprint(level), 3, Right) + " " + clean(node.Label)
			var groups, from []string
			for _, g := range n.groups(i) {
				groups = append(groups, clean(n.Groups[g]))
			}
			for _, e := range edges {
				if e[1] == i {
					from = append(from, clean(n.Nodes[e[0]].Label))
				}
			}
			if len(groups) > 0 {
				line += " [" + strings.Join(groups, ", ") + "]"
			}
			if len(from) > 0 {
				line += " from " + strings.Join(from, ", ")
			}
			b.WriteString(strings.TrimRight(cut(line, width), " ") + "\n")
		}
	}
	paragraph(&b, n.Caption, width)
	for _, note := range n.notes(left) {
		paragraph(&b, note, width)
	}
	return b.String()
}
