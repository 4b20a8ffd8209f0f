"""The HTTP server: OpenAI's speech endpoint, voices, a WebSocket, metrics and a page in the browser."""
