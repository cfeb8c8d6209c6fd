/** CRI-O, podman, buildah and skopeo: a drop-in of `registries.conf`. */
import { HEADING, hostsOf, type MirrorDialect, type MirrorFiles } from '../dialect.ts';

const DIRECTORY = '/etc/containers/registries.conf.d';

/**
 * A `location` in the place of a mirror: the original registry is never asked, by tag or by digest.
 * @see https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
 */
export const registriesConf: MirrorDialect = {
  title: 'CRI-O, podman, buildah and skopeo',
  directory: DIRECTORY,
  write(map): MirrorFiles {
    const { registries, access, name } = map;
    const isOpen = access.plainHttp === true || access.insecure === true;
    const tables = registries
      .flatMap(({ redirects }) => redirects)
      .map(({ from, to }) => [
        '',
        '[[registry]]',
        `prefix = ${JSON.stringify(from)}`,
        `location = ${JSON.stringify(to)}`,
        ...(isOpen ? ['insecure = true'] : []),
      ]);
    const { caFile } = access;
    return {
      files: [{ path: `90-${name}.conf`, content: `${[HEADING, ...tables.flat()].join('\n')}\n` }],
      unexpressed: [],
      steps: [
        'podman, buildah and skopeo read it at the next call, CRI-O after `systemctl reload crio`; ' +
          'a file of a later name that speaks of the same prefix goes before it',
        ...(caFile === undefined
          ? []
          : hostsOf(map).map((host) => `they trust ${caFile} once it lies as /etc/containers/certs.d/${host}/ca.crt`)),
      ],
    };
  },
};
