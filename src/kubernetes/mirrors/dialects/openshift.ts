/** OpenShift: an ImageDigestMirrorSet and an ImageTagMirrorSet, which its operator writes to every node. */
import { stringify } from 'yaml';
import { HEADING, hostsOf, type MirrorDialect, type MirrorFiles } from '../dialect.ts';

/** @see https://docs.openshift.com/container-platform/latest/rest_api/config_apis/imagedigestmirrorset-config-openshift-io-v1.html */
const API_VERSION = 'config.openshift.io/v1';

export const openshift: MirrorDialect = {
  title: 'OpenShift (ImageDigestMirrorSet and ImageTagMirrorSet)',
  write(map): MirrorFiles {
    const { registries, access, name } = map;
    const mirrors = registries
      .flatMap(({ redirects }) => redirects)
      .map(({ from, to }) => ({ source: from, mirrors: [to], mirrorSourcePolicy: 'NeverContactSource' }));
    const metadata = { name };
    const objects = [
      { apiVersion: API_VERSION, kind: 'ImageDigestMirrorSet', metadata, spec: { imageDigestMirrors: mirrors } },
      { apiVersion: API_VERSION, kind: 'ImageTagMirrorSet', metadata, spec: { imageTagMirrors: mirrors } },
    ];
    const written = objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }));
    const isOpen = access.plainHttp === true || access.insecure === true;
    const { caFile } = access;
    return {
      files: [{ path: 'mirror-sets.yaml', content: `${HEADING}\n${written.join('---\n')}` }],
      unexpressed: [],
      steps: [
        '`oc apply -f mirror-sets.yaml`; the machine config operator then writes it to the nodes, one after the other',
        ...(isOpen
          ? [
              `the cluster's image.config.openshift.io takes ${hostsOf(map).join(', ')} in spec.registrySources.insecureRegistries`,
            ]
          : []),
        ...(caFile === undefined
          ? []
          : [
              `the authorities of ${caFile} go into a ConfigMap of openshift-config that spec.additionalTrustedCA of image.config.openshift.io names`,
            ]),
      ],
    };
  },
};
