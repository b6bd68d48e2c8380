{{- define "daypass.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "daypass.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "daypass.labels" -}}
{{ include "daypass.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* What no schema can say of values that belong together. */}}
{{- define "daypass.check" -}}
{{- if not .Values.tls.secretName }}{{ fail "tls.secretName is needed: credentials do not leave a pod unencrypted. Name a Secret of the kind kubernetes.io/tls" }}{{ end }}
{{- if and (gt (int .Values.replicas) 1) (not .Values.postgres.secretName) }}{{ fail "several replicas share a PostgreSQL database: set postgres.secretName, or replicas to 1" }}{{ end }}
{{- if and .Values.postgres.secretName (not .Values.masterKey.secretName) }}{{ fail "nodes over one PostgreSQL have one master key: set masterKey.secretName to a Secret with what \"daypass keys new-master\" prints" }}{{ end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}{{ fail "ingress.host is needed" }}{{ end }}
{{- end }}
