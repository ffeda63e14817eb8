// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package exchange joins the kernel's records of a connection into exchanges: a request with its whole response, or with
// the failure that ended it.
//
// Most exchanges are one record, complete as it comes: the response's head says how long it is, and that many bytes had
// passed when the record was written. The others stay open, in bounded number and time, until a later record of their
// connection tells the end:
//
//	exchange record --> head says the end is here -----------------------------------> done
//	                 `-> open -- progress record: enough bytes, or the last chunk ---> done
//	                          -- end record: FIN, RST, time-out ---------------------> done, or failed if bytes are missing
//	                          -- next exchange record: its "previous" fields --------> done
//	                          -- no record for long, or too many open ---------------> done at the last byte that was seen
//
// An [Assembler] belongs to one goroutine; its counters can be read by any.
package exchange
