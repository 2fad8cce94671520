/** An admitted client that has asked for nothing yet. */
export interface UnaskedClient {
  readonly source: string;
  /** Closes its connection, so that another client can have the slot. */
  readonly makeRoom: () => void;
}

/** The admitted clients that have asked for nothing yet. */
export interface UnaskedClients {
  readonly add: (client: UnaskedClient) => void;
  readonly delete: (client: UnaskedClient) => void;
  /**
   * Has the client that has waited longest of the source that has most of them make room for one of
   * another source. false where no source has more than that one.
   */
  readonly makeRoom: (source: string) => boolean;
}

/** Makes an empty collection. */
export function collectUnasked(): UnaskedClients {
  const sources = new Map<string, Set<UnaskedClient>>();
  const leave = (client: UnaskedClient) => {
    const own = sources.get(client.source);
    if (own?.delete(client) && own.size === 0) sources.delete(client.source);
  };
  return {
    add(client) {
      const own = sources.get(client.source);
      if (own === undefined) sources.set(client.source, new Set([client]));
      else own.add(client);
    },
    delete: leave,
    makeRoom(source) {
      let most = sources.get(source)?.size ?? 0;
      let clients: Set<UnaskedClient> | undefined;
      for (const own of sources.values()) {
        if (own.size <= most) continue;
        most = own.size;
        clients = own;
      }
      for (const oldest of clients ?? []) {
        leave(oldest);
        oldest.makeRoom();
        return true;
      }
      return false;
    },
  };
}
