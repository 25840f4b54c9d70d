// Package tasks reads multiple-choice tasks from their public files and words them as lm-evaluation-harness does.
//
//		task, err := tasks.Find("piqa")
//		set, err := task.Load("path/to/data", tasks.Options{Shots: 5})  // path/to/data/piqa/valid.jsonl and valid-labels.lst, or the hub's Parquet
//		encoded, err := set.Questions[0].Encode(tokens)                 // context and continuation, cut apart as the harness cuts
//
//	 1. [Find] gives a [Task]: a [Card] with source, licence, prompt, metrics and citation, and a Version that belongs to each result.
//	 2. [Task.Load] finds its files, as they are distributed, and makes a [Set] of [Question]s with solved examples before them.
//	 3. [Question.Encode] turns a question into the token sequences whose likelihoods decide.
//
// Every task is a file of its own, with all that makes it. The wordings are those of the harness at commit 4e7e0d4 (August 2026), written
// anew from its definitions. The solved examples are drawn by another generator, so that with shots the numbers agree as those of two seeds do.
//
// No data is part of this program but pocket's, which is made by [pocket.Questions].
package tasks
