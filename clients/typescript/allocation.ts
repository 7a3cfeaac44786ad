/**
 * A thin client for the PostgreSQL extension allocation, on node-postgres.
 *
 * It is one file without dependencies beyond the driver (pg, and @types/pg for its types): copy it into your project.
 * Every call works in the transaction of the client that you give it.
 *
 *     import { Pool } from 'pg'
 *     import { Allocation, OutOfStock, runTransaction } from './allocation'
 *
 *     const pool = new Pool()
 *     try {
 *         const lines = await runTransaction(pool, async client => {
 *             await client.query('INSERT INTO orders (orderid) VALUES ($1)', ['order-1'])
 *             return new Allocation(client).allocateOrder('order-1', { LAMP: 2, CHAIR: 1 })
 *         })
 *     } catch (error) {
 *         if (!(error instanceof OutOfStock)) throw error
 *         console.log(error.message, error.detail)
 *     }
 *
 * It has only types that can be stripped: node runs it as it is from 22.18 on, and tsc compiles it for older ones.
 */
import type { Pool, PoolClient } from 'pg'

/** What has query(): a Client, a client of a Pool or, for single calls, the Pool. */
export type Connection = Pick<PoolClient, 'query'> | Pick<Pool, 'query'>

/** An order line, and the batch that serves it. Without a batch the line waits. */
export interface Line {
	orderid: string
	sku: string
	qty: number
	batchref: string | null
}

export type Refusal = 'invalid_sku' | 'out_of_stock' | 'order_line_conflict'

/** What a try call says of a line. */
export interface Answer extends Line {
	refusal: Refusal | null
	available: number | null
}

/** The batch that would serve a line, and the day on which it comes, as '2027-03-01': null in the warehouse. */
export interface Promised {
	batchref: string
	eta: string | null
}

/** A contradiction in the tables, found by checkAllocation. */
export interface Fault {
	fault: string
	sku: string
	batchref: string | null
	orderid: string | null
	found: number | null
	expected: number | null
}

export interface Terms {
	/** The last day on which the batch may come, as '2027-03-01'. */
	by?: string | null
	/** For how long the line is kept, as '15 minutes'. Without it the line is firm. */
	hold?: string | null
}

export interface OrderTerms extends Terms {
	/** false: lines without room wait. Without it such a line refuses the whole call. */
	allOrNothing?: boolean
}

/** The extension has refused a call: nothing of the call has happened. cause is the error of the driver. */
export class AllocationError extends Error {
	readonly sqlstate: string
	readonly detail: string | undefined
	readonly hint: string | undefined
	readonly cause: unknown

	constructor(error: { code: string, message: string, detail?: string, hint?: string }) {
		super(error.message)
		this.name = new.target.name
		this.sqlstate = error.code
		this.detail = error.detail
		this.hint = error.hint
		this.cause = error
	}
}

/** No batch has the SKU. */
export class InvalidSku extends AllocationError {}
/** No batch has room for the whole line in time. detail says how much one batch has, and when there is more. */
export class OutOfStock extends AllocationError {}
/** There is no such batch. */
export class UnknownBatch extends AllocationError {}
/** There is no such line, or it was a hold that has expired. */
export class UnknownOrderLine extends AllocationError {}
/** The line is known with another quantity, or its batch comes after the date. */
export class OrderLineConflict extends AllocationError {}
/** The call would undo what has shipped. */
export class AlreadyShipped extends AllocationError {}
/** What was to ship waits, is under way, or is blocked. */
export class NotInWarehouse extends AllocationError {}

const errors: Record<string, typeof AllocationError> = {
	SK001: InvalidSku,
	SK002: OutOfStock,
	SK003: UnknownBatch,
	SK004: UnknownOrderLine,
	SK005: OrderLineConflict,
	SK006: AlreadyShipped,
	SK007: NotInWarehouse
}

/** The SQLSTATE of an error of node-postgres or of this client; undefined of any other. */
export const sqlstateOf = (error: any): string | undefined => error?.sqlstate ?? error?.code

/**
 * Calls work(client) in a transaction and commits. After a serialization failure or a deadlock it rolls back and
 * starts again, up to so many attempts in all; the last error is thrown. So work must do nothing that a ROLLBACK does
 * not undo, such as sending mail.
 */
export const runTransaction = async <Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>,
	{ attempts = 5, begin = 'BEGIN' } = {}): Promise<Result> => {
	for (let number = 1; ; number++) {
		const client = await pool.connect()
		let broken: Error | undefined
		try {
			await client.query(begin)
			const result = await work(client)
			await client.query('COMMIT')
			return result
		} catch (error) {
			await client.query('ROLLBACK').catch(lost => { broken = lost })
			if (number >= attempts || !['40001', '40P01'].includes(sqlstateOf(error) ?? '')) throw error
		} finally {
			client.release(broken)
		}
		await new Promise(resolve => setTimeout(resolve, Math.random() * 10 * 2 ** number))
	}
}

/** The calls of the extension. Name the schema of the extension if it is not in the search_path. */
export class Allocation {
	private readonly connection: Connection
	private readonly prefix: string

	constructor(connection: Connection, schema?: string) {
		this.connection = connection
		this.prefix = schema === undefined ? '' : `"${schema.replaceAll('"', '""')}".`
	}

	// Buying

	async addBatch(ref: string, sku: string, qty: number,
		{ eta = null, rank = 0 }: { eta?: string | null, rank?: number } = {}): Promise<void> {
		await this.value('add_batch', ref, sku, qty, eta, rank)
	}

	/** Returns the lines that have left the batch. */
	changeBatchQuantity(ref: string, qty: number): Promise<Line[]> {
		return this.rows('change_batch_quantity', ref, qty)
	}

	/** null: the batch has arrived. 'infinity': it is blocked. Returns the lines that are on it. */
	changeBatchEta(ref: string, eta: string | null): Promise<Line[]> {
		return this.rows('change_batch_eta', ref, eta)
	}

	/** Serves the lines that wait. Returns the lines that have changed. */
	reallocateSku(sku: string): Promise<Line[]> {
		return this.rows('reallocate_sku', sku)
	}

	// Selling

	/** Returns the reference of the batch. */
	allocate(orderid: string, sku: string, qty: number, { by = null, hold = null }: Terms = {}): Promise<string> {
		return this.value('allocate', orderid, sku, qty, by, hold)
	}

	/** lines has the quantity of each SKU. */
	allocateOrder(orderid: string, lines: Record<string, number>,
		{ allOrNothing = true, by = null, hold = null }: OrderTerms = {}): Promise<Line[]> {
		return this.rows('allocate_order', orderid, Object.keys(lines), Object.values(lines), allOrNothing, by, hold)
	}

	allocateLines(lines: Pick<Line, 'orderid' | 'sku' | 'qty'>[],
		{ allOrNothing = true, by = null, hold = null }: OrderTerms = {}): Promise<Line[]> {
		return this.rows('allocate_lines', ...columns(lines), allOrNothing, by, hold)
	}

	async tryAllocate(orderid: string, sku: string, qty: number,
		{ by = null, hold = null }: Terms = {}): Promise<Answer> {
		return (await this.rows<Answer>('try_allocate', orderid, sku, qty, by, hold))[0]!
	}

	tryAllocateOrder(orderid: string, lines: Record<string, number>,
		{ by = null, hold = null }: Terms = {}): Promise<Answer[]> {
		return this.rows('try_allocate_order', orderid, Object.keys(lines), Object.values(lines), by, hold)
	}

	tryAllocateLines(lines: Pick<Line, 'orderid' | 'sku' | 'qty'>[],
		{ by = null, hold = null }: Terms = {}): Promise<Answer[]> {
		return this.rows('try_allocate_lines', ...columns(lines), by, hold)
	}

	/** What allocate would choose now. Undefined if no batch could serve the line. */
	async promise(sku: string, qty: number, { by = null }: Pick<Terms, 'by'> = {}): Promise<Promised | undefined> {
		return (await this.query<Promised>('batchref, eta::text', 'promise', sku, qty, by))[0]
	}

	// Giving back and changing

	/** Returns the reference of the batch that the line had. */
	deallocate(orderid: string, sku: string): Promise<string | null> {
		return this.value('deallocate', orderid, sku)
	}

	deallocateOrder(orderid: string): Promise<Line[]> {
		return this.rows('deallocate_order', orderid)
	}

	/** Returns the reference of the batch. */
	reallocate(orderid: string, sku: string,
		{ qty = null, by = null }: { qty?: number | null, by?: string | null } = {}): Promise<string> {
		return this.value('reallocate', orderid, sku, qty, by)
	}

	// Shipping

	/** total is what has left by now, in all; null is the whole line. Returns the reference of the batch. */
	ship(orderid: string, sku: string, total: number | null = null): Promise<string | null> {
		return this.value('ship', orderid, sku, total)
	}

	/** Returns the lines that have left altogether. */
	shipOrder(orderid: string, { allOrNothing = true } = {}): Promise<Line[]> {
		return this.rows('ship_order', orderid, allOrNothing)
	}

	/** Empty if all is well. */
	checkAllocation(): Promise<Fault[]> {
		return this.query('fault, sku, batchref, orderid, found::float8, expected::float8', 'check_allocation')
	}

	private rows<Row = Line>(name: string, ...values: unknown[]): Promise<Row[]> {
		return this.query('*', name, ...values)
	}

	private async value<Value>(name: string, ...values: unknown[]): Promise<Value> {
		return (await this.query<{ value: Value }>('value', name, ...values))[0]!.value
	}

	private async query<Row>(list: string, name: string, ...values: unknown[]): Promise<Row[]> {
		const call = `${this.prefix}${name}(${values.map((_, i) => `$${i + 1}`).join(', ')}) AS value`
		try {
			return (await this.connection.query(`SELECT ${list} FROM ${call}`, values)).rows
		} catch (error: any) {
			const Refused = errors[error.code]
			throw Refused ? new Refused(error) : error
		}
	}
}

/** The arrays of the order numbers, the SKUs and the quantities. */
const columns = (lines: Pick<Line, 'orderid' | 'sku' | 'qty'>[]) =>
	[lines.map(line => line.orderid), lines.map(line => line.sku), lines.map(line => line.qty)]
