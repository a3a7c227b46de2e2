// Orders of six fields, 200 bytes in JSON, as Orders.java has them.
import { avro, json } from 'millrace';

export const orderSchema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'customer', type: 'string' },
    { name: 'item', type: 'string' },
    { name: 'amount', type: 'double' },
    { name: 'pieces', type: 'int' },
    { name: 'note', type: 'string' },
  ],
};
export const totalSchema = {
  type: 'record',
  name: 'Total',
  fields: [
    { name: 'orders', type: 'long' },
    { name: 'amount', type: 'double' },
  ],
};

/** Half of them are of 100 and more. */
export function orderOf(i, isAvro) {
  return {
    id: isAvro ? BigInt(i) : i,
    customer: `customer ${i % 100_000}`,
    item: `item ${(i * 31) % 5_000} of the catalogue`,
    amount: ((i * 7_919) % 20_000) / 100,
    pieces: (i % 9) + 1,
    note: 'please leave it with the neighbours when nobody is at home, thank you very much indeed',
  };
}

export const orders = { json: json(), avro: avro(orderSchema) };
export const totals = { json: json(), avro: avro(totalSchema) };
