/** Custom resources whose controllers know images by themselves: compiled in, in no resource to be found. A table. */
import { formatReference, type Reference } from '../../oci/reference.ts';
import { groupOf } from '../resources/image-places.ts';
import { describePlace } from '../resources/images.ts';
import type { KubernetesResource } from '../resources/yaml-documents.ts';

/** One kind. */
interface OperatorKind {
  readonly group: RegExp;
  readonly kind: RegExp;
  /** What the release has to carry: without it, the note is given. */
  readonly repository: RegExp;
  /** What to list, as a person reads it. */
  readonly images: string;
}

/**
 * Kinds of wide use. Their controllers run images that follow from the controller's version or from a version in the
 * resource; where the release carries one of them, somebody has thought of it.
 */
const OPERATOR_KINDS: readonly OperatorKind[] = [
  row(
    /^elasticsearch\.k8s\.elastic\.co$/,
    /^Elasticsearch$/,
    /(^|\/)elasticsearch(-oss)?$/,
    'docker.elastic.co/elasticsearch/elasticsearch:<spec.version>',
  ),
  row(/^kibana\.k8s\.elastic\.co$/, /^Kibana$/, /(^|\/)kibana$/, 'docker.elastic.co/kibana/kibana:<spec.version>'),
  row(
    /^agent\.k8s\.elastic\.co$/,
    /^Agent$/,
    /(^|\/)elastic-agent$/,
    'docker.elastic.co/elastic-agent/elastic-agent:<spec.version>',
  ),
  row(
    /^beat\.k8s\.elastic\.co$/,
    /^Beat$/,
    /(^|\/)(file|metric|heart|audit|packet)beat$/,
    'docker.elastic.co/beats/<type>:<spec.version>',
  ),
  row(
    /^logstash\.k8s\.elastic\.co$/,
    /^Logstash$/,
    /(^|\/)logstash$/,
    'docker.elastic.co/logstash/logstash:<spec.version>',
  ),
  row(
    /^operator\.tigera\.io$/,
    /^Installation$/,
    /(^|\/)calico\/node$/,
    'the images of Calico that the operator’s version names (calico/node, calico/cni, calico/typha …)',
  ),
  row(
    /^operator\.knative\.dev$/,
    /^Knative(Serving|Eventing)$/,
    /knative/,
    'the images of Knative that spec.version names',
  ),
  row(
    /^operator\.tekton\.dev$/,
    /^Tekton(Config|Pipeline|Trigger|Dashboard)$/,
    /tekton/,
    'the images of Tekton that the operator’s version names',
  ),
  row(
    /^(sailoperator\.io|install\.istio\.io)$/,
    /^(Istio|IstioOperator|ZTunnel|IstioCNI)$/,
    /(^|\/)(pilot|proxyv2|ztunnel|install-cni)$/,
    'istio/pilot, istio/proxyv2, and those of the profile',
  ),
  row(
    /^mysql\.oracle\.com$/,
    /^InnoDBCluster$/,
    /mysql.*server/,
    'container-registry.oracle.com/mysql/community-server, community-router',
  ),
  row(
    /^opentelemetry\.io$/,
    /^OpenTelemetryCollector$/,
    /opentelemetry-collector/,
    'ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector',
  ),
  row(
    /^opentelemetry\.io$/,
    /^Instrumentation$/,
    /autoinstrumentation/,
    'ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-<language>',
  ),
  row(
    /^jaegertracing\.io$/,
    /^Jaeger$/,
    /(^|\/)jaeger-?(all-in-one|collector|query)?$|jaegertracing/,
    'jaegertracing/all-in-one or jaeger-collector, jaeger-query, jaeger-agent',
  ),
  row(
    /^grafana\.integreatly\.org$/,
    /^Grafana$/,
    /(^|\/)grafana(-oss|-enterprise)?$/,
    'grafana/grafana:<spec.version>',
  ),
  row(/^k8s\.keycloak\.org$/, /^Keycloak$/, /(^|\/)keycloak$/, 'quay.io/keycloak/keycloak of the operator’s version'),
  row(/^rabbitmq\.com$/, /^RabbitmqCluster$/, /(^|\/)rabbitmq$/, 'rabbitmq:<version>-management'),
  row(
    /^kafka\.strimzi\.io$/,
    /^Kafka(Connect|MirrorMaker2|Bridge)?$/,
    /strimzi\/(kafka|kafka-bridge)$/,
    'quay.io/strimzi/kafka:<operator version>-kafka-<spec.kafka.version>',
  ),
  row(
    /^operator\.victoriametrics\.com$/,
    /^VM(Cluster|Single|Agent|Alert|Alertmanager|Auth)$/,
    /victoriametrics\//,
    'the images of VictoriaMetrics that the operator’s version names',
  ),
  row(
    /^postgres-operator\.crunchydata\.com$/,
    /^PostgresCluster$/,
    /crunchy-postgres/,
    'registry.developers.crunchydata.com/crunchydata/crunchy-postgres and those beside it',
  ),
  row(/^acid\.zalan\.do$/, /^postgresql$/, /(^|\/)spilo/, 'ghcr.io/zalando/spilo-<version>'),
  row(
    /^(kubevirt\.io|cdi\.kubevirt\.io)$/,
    /^(KubeVirt|CDI)$/,
    /(^|\/)(virt-launcher|cdi-importer)$/,
    'quay.io/kubevirt/virt-launcher, virt-handler, cdi-importer … of the operator’s version',
  ),
  row(
    /^ceph\.rook\.io$/,
    /^CephCluster$/,
    /(^|\/)(cephcsi|csi-node-driver-registrar)$/,
    'quay.io/cephcsi/cephcsi and registry.k8s.io/sig-storage/csi-… of the operator’s version',
  ),
  row(
    /^longhorn\.io$/,
    /^(Volume|Setting|EngineImage)$/,
    /longhorn-(engine|instance-manager)$/,
    'longhornio/longhorn-engine, longhorn-instance-manager, longhorn-share-manager',
  ),
  row(
    /^nvidia\.com$/,
    /^ClusterPolicy$/,
    /nvidia\//,
    'the images that spec names by repository, image and version (driver, toolkit, device plugin …)',
  ),
  row(/^argoproj\.io$/, /^ArgoCD$/, /(^|\/)argocd$/, 'quay.io/argoproj/argocd and redis of the operator’s version'),
  row(
    /^minio\.min\.io$/,
    /^Tenant$/,
    /(^|\/)minio$/,
    'quay.io/minio/minio and operator-sidecar of the operator’s version',
  ),
];

function row(group: RegExp, kind: RegExp, repository: RegExp, images: string): OperatorKind {
  return { group, kind, repository, images };
}

/**
 * A sentence for each kind whose controller runs images that stand nowhere, and of which the release carries none.
 * @param carried what the release carries
 */
export function findUnknowable(
  resources: readonly KubernetesResource[],
  carried: readonly Reference[],
): readonly string[] {
  const names = carried.map((reference) => formatReference(reference).replace(/[:@][^/]*$/, ''));
  const notes = new Map<OperatorKind, string>();
  for (const resource of resources) {
    const group = groupOf(resource.apiVersion);
    const known = OPERATOR_KINDS.find((entry) => entry.group.test(group) && entry.kind.test(resource.kind));
    if (known === undefined || notes.has(known) || names.some((name) => known.repository.test(name))) continue;
    const place = describePlace(resource, []).trim();
    notes.set(
      known,
      `${place}: the controller of ${resource.kind} runs images that stand in no resource: list under images ${known.images}`,
    );
  }
  return [...notes.values()];
}
