// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed pom.xml
var pom []byte

// fetchLimit bounds Maven; about 130 MB come over the network the first time.
const fetchLimit = 5 * time.Minute

// Release is a release of Apache Kafka, as in "4.4.0".
type Release string

// The releases that the tests use: the newest, and the last one of the line before it.
const (
	Kafka4 Release = "4.4.0"
	Kafka3 Release = "3.9.2"
)

// jars returns the directory with the jars of a release and fetches them with Maven unless they are there.
//
// Test programs of several packages may do this at once: each fetches into a directory of its own and renames it into
// place, so that a directory that exists is complete. Who comes second throws its copy away.
func jars(ctx context.Context, release Release) (string, error) {
	if given := os.Getenv("KAFKA_JARS"); given != "" {
		return given, holdsBroker(given)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	cache = filepath.Join(cache, "otelcol-risk")
	target := filepath.Join(cache, fmt.Sprintf("kafka-%s-%.12x", release, sha256.Sum256(pom)))
	if holdsBroker(target) == nil {
		return target, nil
	}
	if err := Program("mvn", "maven", "apt-get install maven"); err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("create cache directory: %w", err)
	}
	return target, fetch(ctx, release, cache, target)
}

// fetch fills target through a temporary directory in cache, which must be on the same file system.
func fetch(ctx context.Context, release Release, cache, target string) error {
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return fmt.Errorf("create directory for maven: %w", err)
	}
	if err = runMaven(ctx, release, work); err == nil {
		err = os.Rename(filepath.Join(work, "libs"), target)
		if err != nil && holdsBroker(target) == nil {
			err = nil // another test program was first
		}
	}
	return errors.Join(err, os.RemoveAll(work))
}

// runMaven copies the jars of the pom to work/libs.
func runMaven(ctx context.Context, release Release, work string) error {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, pom, 0o600); err != nil {
		return fmt.Errorf("write pom: %w", err)
	}
	libs := filepath.Join(work, "libs")
	maven := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", file, "-Dkafka.version="+string(release),
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+libs)
	printed, err := maven.CombinedOutput()
	if err != nil {
		return &MissingError{
			Need:   "the jars of Apache Kafka",
			Remedy: "let maven reach its repository, or name a folder with the jars in KAFKA_JARS",
			Cause:  fmt.Errorf("run mvn: %w: %s", err, tail(printed, 400)),
		}
	}
	return holdsBroker(libs)
}

// holdsBroker checks that dir has the jar with the broker's main class.
func holdsBroker(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "kafka_2.13-*.jar"))
	if err != nil {
		return fmt.Errorf("look for kafka jar in %q: %w", dir, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("look for kafka jar: no kafka_2.13-*.jar in %q", dir)
	}
	return nil
}

// tail returns the last n bytes of what a program printed, without surrounding white space.
func tail(printed []byte, n int) []byte {
	printed = bytes.TrimSpace(printed)
	return printed[max(0, len(printed)-n):]
}
