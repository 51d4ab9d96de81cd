package report

import _ "embed"

// Schema is the published JSON Schema (draft 2020-12) of the form that Marshal
// writes. Whatever Parse accepts without a ValidationError agrees with it, and
// so does the converse, but for what a schema does not count: the total size,
// days that no calendar has, and names given twice.
//
//go:embed report.schema.json
var Schema []byte
