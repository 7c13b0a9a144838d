import { NOTIFY } from "./constants.ts";

/** Something to tell the kernel that it has not asked for. Names have one byte to a character. */
export type Notification =
  /** Forget attributes, and the cached pages of a range: `lengthBytes` 0 is up to the end, offset -1 attributes only. */
  | {
      readonly kind: "invalidateInode";
      readonly nodeId: number;
      readonly offset: number;
      readonly lengthBytes: number;
    }
  /** Forget what is known of a name, its absence included. */
  | { readonly kind: "invalidateEntry"; readonly parent: number; readonly name: string }
  /** A name is gone: what stands open below it stays usable, watchers are told. */
  | { readonly kind: "delete"; readonly parent: number; readonly child: number; readonly name: string }
  /** Put bytes into the page cache of a node. */
  | { readonly kind: "store"; readonly nodeId: number; readonly offset: number; readonly data: Uint8Array };

function put(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value >>> 0, at);
  target.writeUInt32LE(Math.floor(value / 0x1_0000_0000) >>> 0, at + 4);
}

/** The bytes of a notification, to be written to the device in one call. */
export function encodeNotification(notification: Notification): Buffer {
  switch (notification.kind) {
    case "invalidateInode": {
      const message = start(NOTIFY.INVAL_INODE, 24);
      put(message, 16, notification.nodeId);
      put(message, 24, notification.offset);
      put(message, 32, notification.lengthBytes);
      return message;
    }
    case "invalidateEntry": {
      const message = start(NOTIFY.INVAL_ENTRY, 16 + notification.name.length + 1);
      put(message, 16, notification.parent);
      message.writeUInt32LE(notification.name.length, 24);
      message.write(notification.name, 32, "latin1");
      return message;
    }
    case "delete": {
      const message = start(NOTIFY.DELETE, 24 + notification.name.length + 1);
      put(message, 16, notification.parent);
      put(message, 24, notification.child);
      message.writeUInt32LE(notification.name.length, 32);
      message.write(notification.name, 40, "latin1");
      return message;
    }
    default: {
      // "store"
      const message = start(NOTIFY.STORE, 24 + notification.data.length);
      put(message, 16, notification.nodeId);
      put(message, 24, notification.offset);
      message.writeUInt32LE(notification.data.length, 32);
      message.set(notification.data, 40);
      return message;
    }
  }
}

function start(code: number, bodyBytes: number): Buffer {
  const message = Buffer.alloc(16 + bodyBytes);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(code, 4);
  return message;
}
