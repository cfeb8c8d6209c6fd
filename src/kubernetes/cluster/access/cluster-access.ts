/** How one cluster is reached and as whom, from whatever says so. */
import type { FixedOrigin } from '../../../base/http/client.ts';
import type { ExecPlugin } from './kubeconfig-schema.ts';

/** Who asks. */
export interface ClusterUser {
  /** Its name in the kubeconfig, for messages. */
  readonly name: string;
  readonly token?: string | undefined;
  /** A file with a token that may be replaced at any time. */
  readonly tokenFile?: string | undefined;
  readonly basic?: { readonly username: string; readonly password: string } | undefined;
  /** A program that gives the credentials. */
  readonly exec?: ExecPlugin | undefined;
  /** Where the program is looked for when its path is relative. */
  readonly execDirectory?: string | undefined;
  /** Somebody else, in whose name everything is done. */
  readonly impersonates?: { readonly user: string; readonly group?: string | undefined } | undefined;
}

/** One cluster, one user, and the namespace that is meant where none is named. */
export interface ClusterAccess {
  /** The file and the context, for messages: `context prod of /home/op/.kube/config`. */
  readonly name: string;
  /** The address of the API server; its path, if any, goes before every other. */
  readonly server: URL;
  /** Authorities, client certificate, names and proxy. */
  readonly origin: FixedOrigin;
  /** Who asks. */
  readonly user: ClusterUser;
  /** The one that is meant where none is named. */
  readonly namespace: string;
  /** The file that an authority or a certificate belongs in. */
  readonly settings: string;
}

/** Which cluster is meant, in the words of kubectl's users. */
export interface AccessRequest {
  /** A file. @defaultValue `KUBECONFIG`, then `~/.kube/config`, then the account of the pod this runs in */
  readonly kubeconfig?: string | undefined;
  /** @defaultValue the current one */
  readonly context?: string | undefined;
  /** For what names none. @defaultValue that of the context, else `default` */
  readonly namespace?: string | undefined;
  /** In whose name everything is done. */
  readonly as?: string | undefined;
  /** A group for it. */
  readonly asGroup?: string | undefined;
}
