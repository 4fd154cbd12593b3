{{/* Names are fixed (ARCHITECTURE.md, "Names and places"): one installation per cluster, so nothing is derived from the release. */}}

{{- define "vipkeeper.selectorLabels" -}}
app.kubernetes.io/name: vipkeeper
app.kubernetes.io/component: controller
{{- end }}

{{/* Labels of every object of the chart. The operator's own objects carry managed-by: vipkeeper instead. */}}
{{- define "vipkeeper.labels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
app.kubernetes.io/name: vipkeeper
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{- define "vipkeeper.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "vipkeeper.nginxImage" -}}
{{ .Values.nginx.image.repository }}:{{ .Values.nginx.image.tag }}
{{- end }}

{{/* Pod Security "restricted"; what the controller and the cleanup need is no more. */}}
{{- define "vipkeeper.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "vipkeeper.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* User name under which the agents write. */}}
{{- define "vipkeeper.speakerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:vipkeeper-speaker
{{- end }}

{{/* resources with every quantity as a text: `cpu: 1` and `cpu: "1"` are the same to Kubernetes. */}}
{{- define "vipkeeper.resources" -}}
{{- $resources := dict }}
{{- range $kind, $quantities := . }}
{{- $texts := dict }}
{{- range $name, $quantity := $quantities }}
{{- $_ := set $texts $name (toString $quantity) }}
{{- end }}
{{- $_ := set $resources $kind $texts }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{- define "vipkeeper.settings" -}}
speakerImage: {{ include "vipkeeper.image" . | quote }}
nginxImage: {{ include "vipkeeper.nginxImage" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- $names := list }}
{{- range .Values.imagePullSecrets }}
{{- $names = append $names .name }}
{{- end }}
imagePullSecrets: {{ toJson $names }}
priorityClassName: {{ .Values.speaker.priorityClassName | quote }}
logLevel: {{ .Values.logLevel }}
nodeSelector: {{ toJson (default dict .Values.speaker.nodeSelector) }}
tolerations: {{ toJson (default list .Values.speaker.tolerations) }}
ports:
  first: {{ int .Values.ports.first }}
  last: {{ int .Values.ports.last }}
{{- /* Values that were kept from a chart of before do not have it. */}}
{{- with .Values.peers }}
peers:
  enabled: {{ .enabled }}
{{- end }}
nginx:
  enabled: {{ .Values.nginx.enabled }}
  resources:
    {{- include "vipkeeper.resources" .Values.nginx.resources | nindent 4 }}
speaker:
  resources:
    {{- include "vipkeeper.resources" .Values.speaker.resources | nindent 4 }}
agent:
  resources:
    {{- include "vipkeeper.resources" .Values.agent.resources | nindent 4 }}
{{- end }}
