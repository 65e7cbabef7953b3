# What the project is worked on with. "go test ./..." alone is enough for most days.
.PHONY: test golden proof bench conformance cover lint

test: ## all tests, with the race detector
	go test -race ./...

golden: ## writes what tests compare with: schemas, the reference page, help, cards; look at the diff
	go test ./tools ./cmd/vpsbot ./slackbot/blocks ./internal/command ./internal/cli -update

proof: ## every figure of docs/proof.md at full size; writes the page
	VPSBOT_PROOF=full go test -count=1 ./internal/runner ./internal/store ./slackbot/blocks
	go run ./internal/e2e/write

bench: ## the figures of docs/performance.md
	go test -run '^$$' -bench . ./...

conformance: ## MCP's conformance suite and TypeScript clients, three times, with the race detector; needs npm
	.ci/conformance -race -count=3

cover: ## coverage, package by package
	go test -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

lint: ## the linters, and the format
	go tool -modfile=.dev/go.mod golangci-lint run
	go tool -modfile=.dev/go.mod gofumpt -l .
