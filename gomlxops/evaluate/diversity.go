package evaluate

// Symbols of this file.
//
//	n-gram  n neighbouring tokens, or words, of one text
//	T       number of n-grams of a text, each place counted
//	D       number of different ones among them

// Distinct returns distinct-n of texts: the different n-grams of all texts together over the number of all n-grams,
//
//	distinct-n = D / T
//
// in [0,1], where 1 is a text that never says the same n-gram twice (Li et al., "A Diversity-Promoting Objective Function for Neural
// Conversation Models", NAACL 2016). It falls with the amount of text, so only equal amounts can be compared. Texts are sequences of
// tokens or of words. It is 0 where no text has n tokens or n is not positive.
func Distinct[T comparable](texts [][]T, n int) float64 {
	different, total := ngrams(texts, n)
	if total == 0 {
		return 0
	}
	return float64(different) / float64(total)
}

// Repetition returns the mean over texts of
//
//	seq-rep-n = 1 − D / T
//
// the fraction of a text's n-grams that it has said before, in [0,1) (Welleck et al., "Neural Text Generation with Unlikelihood Training",
// ICLR 2020, equation 11, where n is 4). Texts of fewer than n tokens have none and are left out; it is 0 where no text is left.
func Repetition[T comparable](texts [][]T, n int) float64 {
	sum, counted := 0.0, 0
	for _, text := range texts {
		different, total := ngrams([][]T{text}, n)
		if total == 0 {
			continue
		}
		sum += 1 - float64(different)/float64(total)
		counted++
	}
	if counted == 0 {
		return 0
	}
	return sum / float64(counted)
}

// ngrams counts the n-grams of texts, different ones and all. Tokens become small numbers, and every n-gram is named by the number of
// the one shorter by a token and its last token; so a step costs the same whatever n is.
func ngrams[T comparable](texts [][]T, n int) (different, total int) {
	if n <= 0 {
		return 0, 0
	}
	tokens := map[T]int{}
	longer := make([]map[[2]int]int, n) // [k] numbers the n-grams of k+1 tokens
	for k := range longer {
		longer[k] = map[[2]int]int{}
	}
	for _, text := range texts {
		names := make([]int, len(text)) // of the n-gram of k tokens that begins here
		for k := range n {
			for i := range len(text) - k {
				before := 0
				if k > 0 {
					before = names[i]
				}
				names[i] = number(longer[k], [2]int{before, number(tokens, text[i+k])})
			}
		}
		total += max(len(text)-n+1, 0)
	}
	return len(longer[n-1]), total
}

// number returns the number of a key, a new one for a new key.
func number[K comparable](numbers map[K]int, key K) int {
	n, ok := numbers[key]
	if !ok {
		n = len(numbers) + 1
		numbers[key] = n
	}
	return n
}
