{{- /* Kubernetes asks the gRPC health service where it can; it speaks no TLS, so there a connection must do. */ -}}
{{- define "pipeline.probe" -}}
{{- if .Values.tls.enabled -}}
tcpSocket: {port: grpc}
{{- else -}}
grpc: {port: {{ .Values.port }}, service: glmtts.pipeline.Stage}
{{- end -}}
{{- end -}}
