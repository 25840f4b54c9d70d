package show

import (
	"math"
	"slices"
)

// netItem is a node, or a place where an edge passes a level.
type netItem struct {
	level    int
	wide     float64
	x        float64 // of its middle
	from, to []int   // neighbouring items, above and below
}

// netLayout is a network with every place decided.
type netLayout struct {
	items  []netItem // the nodes, then the places where edges pass
	levels [][]int   // items from left to right
	chains [][]int   // the items of every edge, from top to bottom
	height float64
}

func (l netLayout) y(level int) float64 { return 20 + netRow*float64(level) }

// sweeps is how often levels are put in order, and then moved, by their neighbours; more change little in graphs of a hundred nodes.
const sweeps = 12

// layout puts an item on every level that an edge passes, orders each level by the mean place of its neighbours (K. Sugiyama, S. Tagawa, M. Toda,
// "Methods for visual understanding of hierarchical system structures", IEEE SMC 11, 1981), moves items towards theirs as far as others leave room, and
// the whole to the middle.
func (n Network) layout(edges [][2]int) netLayout {
	var l netLayout
	for i, node := range n.Nodes {
		l.items = append(l.items, netItem{level: n.level(i), wide: min(extent(clean(node.Label))+18, 190)})
	}
	for _, e := range edges {
		l.chain(e)
	}
	for i, it := range l.items {
		for len(l.levels) <= it.level {
			l.levels = append(l.levels, nil)
		}
		l.levels[it.level] = append(l.levels[it.level], i)
	}
	l.spread()
	for k := range sweeps {
		l.order(k%2 == 0)
		l.spread()
	}
	for range sweeps / 2 {
		l.settle()
	}
	l.centre()
	l.height = l.y(len(l.levels)-1) + netHigh/2 + 8
	return l
}

// chain adds the places where an edge passes levels.
func (l *netLayout) chain(e [2]int) {
	chain := []int{e[0]}
	for level := l.items[e[0]].level + 1; level < l.items[e[1]].level; level++ {
		l.items = append(l.items, netItem{level: level, wide: 2})
		chain = append(chain, len(l.items)-1)
	}
	chain = append(chain, e[1])
	for k := range len(chain) - 1 {
		above, below := chain[k], chain[k+1]
		l.items[above].to, l.items[below].from = append(l.items[above].to, below), append(l.items[below].from, above)
	}
	l.chains = append(l.chains, chain)
}

// mean is the mean place of neighbours, or the item's own where it has none.
func (l *netLayout) mean(i int, neighbours ...[]int) float64 {
	sum, n := 0.0, 0
	for _, list := range neighbours {
		for _, at := range list {
			sum, n = sum+l.items[at].x, n+1
		}
	}
	if n == 0 {
		return l.items[i].x
	}
	return sum / float64(n)
}

// order sorts every level by the mean place of the neighbours above, or below.
func (l *netLayout) order(above bool) {
	for k := range l.levels {
		if !above {
			k = len(l.levels) - 1 - k
		}
		places := map[int]float64{}
		for _, i := range l.levels[k] {
			if places[i] = l.mean(i, l.items[i].to); above {
				places[i] = l.mean(i, l.items[i].from)
			}
		}
		slices.SortStableFunc(l.levels[k], func(a, b int) int {
			switch {
			case places[a] < places[b]:
				return -1
			case places[a] > places[b]:
				return 1
			}
			return 0
		})
		l.spreadLevel(k)
	}
}

func (l *netLayout) spread() {
	for k := range l.levels {
		l.spreadLevel(k)
	}
}

// spreadLevel puts a level's items side by side around the middle, closer where there is no room.
func (l *netLayout) spreadLevel(k int) {
	total := -netGap
	for _, i := range l.levels[k] {
		total += l.items[i].wide + netGap
	}
	if total > mapWidth {
		for _, i := range l.levels[k] {
			l.items[i].wide *= mapWidth / (total + 1)
		}
		total = mapWidth
	}
	x := (mapWidth - total) / 2
	for _, i := range l.levels[k] {
		l.items[i].x = x + l.items[i].wide/2
		x += l.items[i].wide + netGap
	}
}

// settle moves the items of every level towards the mean of their neighbours, their order and gaps kept: halfway between packing from the left and from
// the right.
func (l *netLayout) settle() {
	for _, level := range l.levels {
		left, right := make([]float64, len(level)), make([]float64, len(level))
		edge := 0.0
		for k, i := range level {
			it := l.items[i]
			left[k] = math.Max(l.mean(i, it.from, it.to), edge+it.wide/2)
			edge = left[k] + it.wide/2 + netGap
		}
		edge = mapWidth
		for k := len(level) - 1; k >= 0; k-- {
			it := l.items[level[k]]
			right[k] = math.Min(l.mean(level[k], it.from, it.to), edge-it.wide/2)
			edge = right[k] - it.wide/2 - netGap
		}
		if len(level) == 0 || edge < -netGap-1 { // no room to move
			continue
		}
		for k, i := range level {
			half := l.items[i].wide / 2
			l.items[i].x = math.Min(math.Max((left[k]+right[k])/2, half), mapWidth-half)
		}
	}
}

// centre moves everything to the middle: settling knows no place of its own.
func (l *netLayout) centre() {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, it := range l.items {
		lo, hi = math.Min(lo, it.x-it.wide/2), math.Max(hi, it.x+it.wide/2)
	}
	for i := range l.items {
		l.items[i].x += mapWidth/2 - (lo+hi)/2
	}
}

// path is the curve of an edge.
func (l netLayout) path(chain []int) string {
	first := l.items[chain[0]]
	x, y := first.x, l.y(first.level)+netHigh/2
	d := "M" + px(x) + " " + px(y)
	for k, i := range chain[1:] {
		it := l.items[i]
		to := l.y(it.level)
		if k == len(chain)-2 {
			to -= netHigh / 2
		}
		bend := (y + to) / 2
		d += "C" + px(x) + " " + px(bend) + " " + px(it.x) + " " + px(bend) + " " + px(it.x) + " " + px(to)
		x, y = it.x, to
	}
	return d
}
