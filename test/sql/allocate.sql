-- allocate() ties an order line to the first batch, in preference order, that has room for all of it.
TRUNCATE batches, order_lines;

-- It returns the batch's reference and takes the line's units from it.
SELECT add_batch('batch-1', 'LAMP', 20);
SELECT allocate('order-1', 'LAMP', 2);
SELECT reference, purchased_quantity, allocated_quantity FROM batches;
SELECT orderid, sku, qty, batchref FROM order_lines;

-- A batch serves lines to its last unit.
SELECT allocate('order-2', 'LAMP', 18);
SELECT allocate('order-3', 'LAMP', 1);

-- A repeated call for the same line takes nothing more and gets the same answer, also when nothing is left.
SELECT allocate('order-2', 'LAMP', 18);
SELECT allocated_quantity FROM batches;

-- With another quantity it is refused.
SELECT allocate('order-2', 'LAMP', 17);

-- Another SKU of the same order is another line, and takes from its own batches only.
SELECT add_batch('batch-2', 'CHAIR', 1);
SELECT allocate('order-2', 'CHAIR', 1);
SELECT allocate('order-3', 'LAMP', 1);
SELECT reference, allocated_quantity FROM batches ORDER BY reference;

-- Names are compared byte by byte: case and spaces count.
SELECT allocate('order-4', 'lamp', 1);
SELECT allocate('order-4', 'LAMP ', 1);

-- Warehouse stock comes first, then the earliest shipment, then the first reference, in byte order.
SELECT add_batch('far', 'TABLE', 1, '2030-03-01');
SELECT add_batch('near-a', 'TABLE', 1, '2030-01-01');
SELECT add_batch('near-Z', 'TABLE', 1, '2030-01-01');
SELECT add_batch('overdue', 'TABLE', 1, '2020-01-01');
SELECT add_batch('warehouse-b', 'TABLE', 1);
SELECT add_batch('warehouse-a', 'TABLE', 1);
SELECT n, allocate('order-' || n, 'TABLE', 1) FROM generate_series(1, 6) AS n;

-- A line is never split: a batch without room for all of it is skipped.
SELECT add_batch('small-1', 'SOFA', 4);
SELECT add_batch('small-2', 'SOFA', 4);
SELECT add_batch('large', 'SOFA', 5, '2030-01-01');
SELECT allocate('order-1', 'SOFA', 5);
SELECT allocate('order-2', 'SOFA', 5);
SELECT allocate('order-3', 'SOFA', 4);

-- A line that waits gets a batch as soon as one has room.
SELECT add_batch('lost', 'VASE', 3);
SELECT allocate('order-1', 'VASE', 3);
SELECT * FROM change_batch_quantity('lost', 0);
SELECT allocate('order-1', 'VASE', 3);
SELECT allocate('order-1', 'VASE', 2);
SELECT add_batch('spare', 'VASE', 3);
SELECT allocate('order-1', 'VASE', 3);
SELECT orderid, sku, qty, batchref FROM order_lines WHERE sku = 'VASE';
