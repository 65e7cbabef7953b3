{{- define "vpsbot.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-vpsbot" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "vpsbot.selector" -}}
app.kubernetes.io/name: vpsbot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "vpsbot.labels" -}}
{{ include "vpsbot.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "vpsbot.meta" -}}
name: {{ include "vpsbot.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "vpsbot.labels" . | nindent 2 }}
{{- end }}

{{- define "vpsbot.host" -}}
{{ (urlParse .Values.publicURL).hostname }}
{{- end }}

{{- define "vpsbot.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end }}
{{- end }}
