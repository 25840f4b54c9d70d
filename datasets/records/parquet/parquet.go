// Package parquet has package records read Parquet files:
//
//	import _ "github.com/parelab/pare/datasets/records/parquet"
//
// It stands apart because every program that links the library is 19 MB larger for it and takes twice as long to link, which a notebook's cell would
// do each time that it is built.
//
// A damaged file is an error; on the way there the library may ask for up to 2 GB for a moment, as much as a page can say that it has.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/parelab/pare/datasets/records"
)

func init() { records.Register(".parquet", read) }

// read reads all columns of a Parquet file. The library panics on some damaged files, which becomes an error here.
func read(path string) (rows []records.Row, err error) {
	defer func() {
		if p := recover(); p != nil {
			rows, err = nil, fmt.Errorf("not a readable Parquet file: %v", p)
		}
	}()
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFooter(in, info.Size()); err != nil {
		return nil, fmt.Errorf("not a readable Parquet file: %w", err)
	}
	f, err := parquet.OpenFile(in, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("not a readable Parquet file: %w", err)
	}
	var columns []column
	findColumns(&columns, "", f.Root(), false)
	for _, group := range f.RowGroups() {
		var more []records.Row
		for i, c := range columns {
			grow := func() bool { return false }
			if i == 0 { // a row is made when it is met, whatever the file says of their number
				grow = func() bool {
					more = append(more, records.New(fmt.Sprintf("%s: row %d", path, len(rows)+len(more)+1), map[string]any{}))
					return int64(len(more)) <= group.NumRows()
				}
			}
			if err := c.read(group.ColumnChunks()[c.index], &more, grow); err != nil {
				return nil, fmt.Errorf("column %s: %w", c.name, err)
			}
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// checkFooter looks at the length of the footer, which the library allocates before it looks: the last eight bytes of a file are that
// length and "PAR1", the first four are "PAR1" too.
func checkFooter(in io.ReaderAt, size int64) error {
	var end [8]byte
	if _, err := in.ReadAt(end[:], size-8); size < 12 || err != nil {
		return fmt.Errorf("it has only %d bytes", size)
	}
	if n := int64(binary.LittleEndian.Uint32(end[:])); string(end[4:]) != "PAR1" || n > size-12 {
		return fmt.Errorf("it does not end with a footer and PAR1: it may be cut, or be a pointer to the file")
	}
	return nil
}

// column is a column of values, or of lists of values.
type column struct {
	name      string
	index     int
	isList    bool
	full      int  // definition level of a value that is there
	nullInner bool // an element of a list may be null
}

// findColumns walks a schema. Parquet has a list as a group with one repeated group with one element; both are left out of the name. Lists
// inside of lists are passed over.
func findColumns(columns *[]column, name string, node *parquet.Column, inList bool) {
	if node.Leaf() {
		if inList || !node.Repeated() {
			*columns = append(*columns, column{name, node.Index(), inList, node.MaxDefinitionLevel(), node.Optional()})
		}
		return
	}
	for _, child := range node.Columns() {
		childName := child.Name()
		if name != "" {
			childName = name + "." + childName
		}
		if !child.Repeated() {
			findColumns(columns, childName, child, inList)
			continue
		}
		if inList {
			continue
		}
		if len(node.Columns()) == 1 && name != "" {
			childName = name
		}
		element := child
		if inner := child.Columns(); len(inner) == 1 && !inner[0].Repeated() {
			element = inner[0]
		}
		findColumns(columns, childName, element, true)
	}
}

// read puts the column's values into the rows of a group; grow adds a row and says whether there may be one.
func (c column) read(chunk parquet.ColumnChunk, rows *[]records.Row, grow func() bool) (err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	at := -1
	buffer := make([]parquet.Value, 1024)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for values := page.Values(); ; {
			n, err := values.ReadValues(buffer)
			for _, v := range buffer[:n] {
				if v.RepetitionLevel() == 0 {
					at++
				}
				if at < 0 || at == len(*rows) && !grow() {
					return fmt.Errorf("it has more rows than its group")
				}
				c.add((*rows)[at].Values, v)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		parquet.Release(page)
	}
	if at+1 != len(*rows) {
		return fmt.Errorf("expected the %d rows of its group, found %d", len(*rows), at+1)
	}
	return nil
}

// add puts one value into its row.
func (c column) add(row map[string]any, v parquet.Value) {
	if !c.isList {
		row[c.name] = plain(v)
		return
	}
	list, _ := row[c.name].([]any)
	switch {
	case !v.IsNull():
		list = append(list, plain(v))
	case c.nullInner && v.DefinitionLevel() == c.full-1:
		list = append(list, nil)
	case list == nil:
		list = []any{}
	}
	row[c.name] = list
}

// plain is a value as JSON would have it. Bytes are copied: the page that they lie in is used again.
func plain(v parquet.Value) any {
	if v.IsNull() {
		return nil
	}
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return int64(v.Int32())
	case parquet.Int64:
		return v.Int64()
	case parquet.Float:
		return float64(v.Float())
	case parquet.Double:
		return v.Double()
	}
	return string(v.ByteArray())
}
