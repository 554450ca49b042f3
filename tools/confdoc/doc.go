package main

//go:generate go run . -o ../../docs/configuration.md
