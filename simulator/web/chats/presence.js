/** Who is online, and who is blocked: nobody. Libraries subscribe to these as soon as they are in the page. */

import { BaseCollection } from "../base/collection.js";
import { BaseModel } from "../base/model.js";

class PresenceModel extends BaseModel {
  async subscribe() {}
}

export class BlocklistCollectionImpl extends BaseCollection {}

export class StatusV3CollectionImpl extends BaseCollection {}

export const presences = new BaseCollection(PresenceModel);
export const blocklist = new BlocklistCollectionImpl(BaseModel);
export const statuses = new StatusV3CollectionImpl(BaseModel);
