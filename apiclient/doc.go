// Package apiclient is a typed client of the VPS.org REST API, version 1.
//
// A call passes through links of one job each (see assemble): reads are tried
// up to three times, a write is sent once and never again. Every failure is an
// *Error; where a write may or may not have happened, Error.Unknown says so.
// All exported methods may be called concurrently.
package apiclient
