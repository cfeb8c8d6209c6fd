/** Every dialect there is, by the name that people give. */
import type { MirrorDialect } from './dialect.ts';
import { admission } from './dialects/admission.ts';
import { containerd } from './dialects/containerd.ts';
import { dockerDaemon } from './dialects/docker-daemon.ts';
import { kustomize } from './dialects/kustomize.ts';
import { openshift } from './dialects/openshift.ts';
import { registriesConf } from './dialects/registries-conf.ts';
import { k3s, rke2 } from './dialects/registries-yaml.ts';
import type { DialectName } from './dialect-names.ts';

/** The dialects; docs/mirrors.md says the same. */
export const DIALECTS: Readonly<Record<DialectName, MirrorDialect>> = {
  containerd,
  k3s,
  rke2,
  'registries-conf': registriesConf,
  docker: dockerDaemon,
  openshift,
  kustomize,
  admission,
};
