// Package notebook reads, runs and writes Jupyter notebooks of Go cells, without Jupyter.
//
//		nb, err := notebook.Read("notebooks/01_quickstart.ipynb")
//		err = nb.SetParameters(map[string]string{"ratio": "0.3"})
//		report, err := notebook.Run(ctx, nb, notebook.RunOptions{Kernel: kernel, Save: save})
//		err = notebook.HTML(nb, w)
//
//	 1. [Read] checks the file against nbformat 4.5 and names what is wrong by cell and field. What it does not know it keeps.
//	 2. [Notebook.SetParameters] checks values against the variables declared in the cell tagged "parameters", and puts a cell
//	    with them after it.
//	 3. [Run] executes the cells on a kernel of package gonb, one after the other, and fills in their outputs. It stops at the
//	    first cell that fails.
//	 4. [Notebook.Write] and [HTML] keep what came out.
//
// Cells may bear the tags "parameters", "injected-parameters", "skip-execution" and "raises-exception", with the meaning
// that papermill and nbclient give them. A cell's metadata may set {"pare": {"timeout": "5m"}}.
//
// The package does not answer requests for input, keeps no widget state, and runs no other language's notebook.
package notebook
