/** What dialects are called: all that help needs to know of them. */
export const DIALECT_NAMES = [
  'containerd',
  'k3s',
  'rke2',
  'registries-conf',
  'docker',
  'openshift',
  'kustomize',
  'admission',
] as const;

/** One of them. */
export type DialectName = (typeof DIALECT_NAMES)[number];
