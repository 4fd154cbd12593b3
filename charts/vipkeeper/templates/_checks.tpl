{{/* A placement takes four ports. */}}
{{- define "vipkeeper.checkPorts" -}}
{{- $first := int .Values.ports.first }}
{{- $last := int .Values.ports.last }}
{{- if lt (sub $last $first) 3 }}
{{- fail (printf "\n\nports.first (%d) to ports.last (%d) is too small: every placement takes a block of four ports. Raise ports.last." $first $last) }}
{{- end }}
{{- end }}

{{/* Ours decide what the operator, the network policy and the cleanup find. */}}
{{- define "vipkeeper.checkCommonLabels" -}}
{{- range $key, $_ := .Values.commonLabels }}
{{- if regexMatch "^(app\\.kubernetes\\.io|helm\\.sh|vipkeeper\\.dev)/" $key }}
{{- fail (printf "\n\ncommonLabels: %s is not for you to set: app.kubernetes.io/, helm.sh/ and vipkeeper.dev/ are the prefixes of the chart's own labels." $key) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "vipkeeper.checkSpeakerLimits" -}}
{{- if hasKey (default dict (default dict .Values.speaker.resources).limits) "cpu" }}
{{- fail "\n\nspeaker.resources.limits.cpu: a CPU limit is refused. Throttled adverts are late adverts, and late adverts are failovers. Use speaker.resources.requests.cpu." }}
{{- end }}
{{- end }}

{{/* The CRDs, the ClusterRoles and the host network of the nodes exist once in a cluster. */}}
{{- define "vipkeeper.checkOtherInstallation" -}}
{{- $role := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "vipkeeper-controller" }}
{{- if $role }}
{{- $annotations := default dict $role.metadata.annotations }}
{{- $release := get $annotations "meta.helm.sh/release-name" }}
{{- $namespace := get $annotations "meta.helm.sh/release-namespace" }}
{{- if not (and (eq $release .Release.Name) (eq $namespace .Release.Namespace)) }}
{{- if $release }}
{{- fail (printf "\n\nvipkeeper is installed in this cluster already, as release %q in namespace %q. There can be only one.\nUpgrade that one:  helm upgrade %s CHART --namespace %s\nor remove it:      helm uninstall %s --namespace %s --wait" $release $namespace $release $namespace $release $namespace) }}
{{- else }}
{{- fail "\n\nvipkeeper is installed in this cluster already, not by Helm (ClusterRole vipkeeper-controller exists). There can be only one." }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* CRDs stay behind at an uninstall, and with them the name of the release that Helm thinks they belong to. */}}
{{- define "vipkeeper.checkKeptCRDs" -}}
{{- if .Values.crds.install }}
{{- range $name := list "virtualips.vipkeeper.dev" "vrrpspeakers.vipkeeper.dev" }}
{{- $crd := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $name }}
{{- if $crd }}
{{- $annotations := default dict $crd.metadata.annotations }}
{{- $release := get $annotations "meta.helm.sh/release-name" }}
{{- $namespace := get $annotations "meta.helm.sh/release-namespace" }}
{{- if not (and (eq $release $.Release.Name) (eq $namespace $.Release.Namespace)) }}
{{- $whose := ternary (printf "was left by release %q of namespace %q" $release $namespace) "was not made by Helm" (ne $release "") }}
{{- fail (printf "\n\nCustomResourceDefinition %s exists and %s.\nLet this release take it over, your VirtualIPs stay:\n  kubectl label crd virtualips.vipkeeper.dev vrrpspeakers.vipkeeper.dev --overwrite app.kubernetes.io/managed-by=Helm\n  kubectl annotate crd virtualips.vipkeeper.dev vrrpspeakers.vipkeeper.dev --overwrite meta.helm.sh/release-name=%s meta.helm.sh/release-namespace=%s\nor leave it as it is:  --set crds.install=false" $name $whose $.Release.Name $.Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A speaker pod shares the host's network and may change addresses: only the level "privileged" lets it in. */}}
{{- define "vipkeeper.checkPodSecurity" -}}
{{- if .Values.checks.podSecurity }}
{{- $namespace := lookup "v1" "Namespace" "" .Release.Namespace }}
{{- if $namespace }}
{{- $level := get (default dict $namespace.metadata.labels) "pod-security.kubernetes.io/enforce" }}
{{- if has $level (list "baseline" "restricted") }}
{{- fail (printf "\n\nNamespace %s enforces Pod Security level %q, which refuses the speaker pods: they use the host's network (hostNetwork) and NET_ADMIN to hold addresses on the node.\nAllow it:  kubectl label namespace %s --overwrite pod-security.kubernetes.io/enforce=privileged\nor install into another namespace. Where the namespace is exempt by the API server's configuration: --set checks.podSecurity=false" .Release.Namespace $level .Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
