// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package distro tests what is shipped: the binary that `make build` made, and the configurations in distro/config.
// Its tests find the binary in the variable OTELCOL_RISK_BIN, which make sets.
package distro
