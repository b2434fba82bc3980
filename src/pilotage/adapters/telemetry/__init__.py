"""OpenTelemetry: what Pilotage tells about itself, over OTLP. Loaded only where OTEL_ variables name a receiver."""
