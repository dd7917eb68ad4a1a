/** What the cluster's administrator allows the authors of policies; all of it is off by default. */
export interface Permissions {
  /** Targets outside the cluster: `url`, and Services whose endpoints nobody in the cluster stands for. */
  readonly externalTargets: boolean;
  /** Files on the nodes: recordings, and PEM files of `tls`. */
  readonly nodeFiles: boolean;
}
