/** References that name no image but data in a registry: databases of scanners, rules, policies. A table of those of wide use. */
import type { Reference } from '../../oci/reference.ts';

/** Repositories, wherever a mirror keeps them: by the end of their names. */
const ARTIFACTS: readonly { readonly repository: RegExp; readonly what: string }[] = [
  { repository: /(^|\/)trivy-(java-)?db$/, what: 'a database of Trivy' },
  { repository: /(^|\/)trivy-checks$/, what: 'checks of Trivy' },
  { repository: /(^|\/)grype-db$/, what: 'a database of Grype' },
  { repository: /falcosecurity\/(rules|plugins)\//, what: 'rules or plugins of Falco' },
  { repository: /kubewarden\/(policies|tests)\//, what: 'a policy of Kubewarden' },
  { repository: /gatekeeper\/policies\//, what: 'a policy of Gatekeeper' },
  { repository: /(^|\/)(helm-)?charts\//, what: 'a Helm chart' },
  { repository: /(^|\/)istio-(wasm|ecosystem)\//, what: 'a WebAssembly module' },
];

/** What a reference names that is probably no image; undefined where nothing says so. */
export function describeArtifact({ repository }: Pick<Reference, 'repository'>): string | undefined {
  return ARTIFACTS.find((row) => row.repository.test(repository))?.what;
}
