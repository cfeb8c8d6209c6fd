/** A kubeconfig as kubectl reads it: what is used of it, everything else is left alone. */
import * as z from 'zod';

const MAX_ENTRIES = 10_000;
const Text = z.string().max(4096);
/** A certificate, a key or a token in base64. */
const Data = z.string().max(1024 * 1024);

const Cluster = z.object({
  server: Text.nullish(),
  'certificate-authority': Text.nullish(),
  'certificate-authority-data': Data.nullish(),
  'insecure-skip-tls-verify': z.boolean().nullish(),
  'tls-server-name': Text.nullish(),
  'proxy-url': Text.nullish(),
});

/** A program that gives credentials. @see https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
export const ExecPlugin = z.object({
  apiVersion: Text,
  command: Text,
  args: z.array(Text).max(1000).nullish(),
  env: z
    .array(z.object({ name: Text, value: Text }))
    .max(1000)
    .nullish(),
  provideClusterInfo: z.boolean().nullish(),
  installHint: Text.nullish(),
});
export type ExecPlugin = z.infer<typeof ExecPlugin>;

const User = z.object({
  token: Data.nullish(),
  tokenFile: Text.nullish(),
  username: Text.nullish(),
  password: Text.nullish(),
  'client-certificate': Text.nullish(),
  'client-certificate-data': Data.nullish(),
  'client-key': Text.nullish(),
  'client-key-data': Data.nullish(),
  exec: ExecPlugin.nullish(),
  'auth-provider': z.object({ name: Text }).nullish(),
  as: Text.nullish(),
  'as-groups': z.array(Text).max(1000).nullish(),
});

const Context = z.object({ cluster: Text, user: Text.nullish(), namespace: Text.nullish() });

/** The document. @see https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
export const Kubeconfig = z.object({
  clusters: z
    .array(z.object({ name: Text, cluster: Cluster }))
    .max(MAX_ENTRIES)
    .nullish(),
  users: z
    .array(z.object({ name: Text, user: User.nullish() }))
    .max(MAX_ENTRIES)
    .nullish(),
  contexts: z
    .array(z.object({ name: Text, context: Context }))
    .max(MAX_ENTRIES)
    .nullish(),
  'current-context': Text.nullish(),
});
export type Kubeconfig = z.infer<typeof Kubeconfig>;
export type KubeconfigCluster = z.infer<typeof Cluster>;
export type KubeconfigUser = z.infer<typeof User>;
export type KubeconfigContext = z.infer<typeof Context>;
