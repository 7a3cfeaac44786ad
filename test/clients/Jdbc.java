// Usage: Jdbc.java NAME named|unnamed -- see run.
import java.sql.*;

class Jdbc {
	static String allocate(PreparedStatement call, String orderid, int quantity) throws SQLException {
		call.setString(1, orderid);
		call.setString(2, "LAMP");
		call.setInt(3, quantity);
		try (ResultSet row = call.executeQuery()) {
			row.next();
			return row.getString(1);
		}
	}

	public static void main(String[] args) throws SQLException {
		String name = args[0];
		// The server's Unix socket; prepareThreshold 0 is for never naming a statement.
		String url = "jdbc:postgresql://localhost/" + System.getenv("PGDATABASE") + "?user=" + System.getenv("PGUSER")
			+ "&socketFactory=org.newsclub.net.unix.AFUNIXSocketFactory$FactoryArg"
			+ "&socketFactoryArg=" + System.getenv("PGHOST") + "/.s.PGSQL." + System.getenv("PGPORT")
			+ "&prepareThreshold=" + (args[1].equals("named") ? 1 : 0);

		try (Connection connection = DriverManager.getConnection(url);
				PreparedStatement one = connection.prepareStatement("SELECT allocate(?, ?, ?)");
				PreparedStatement many = connection.prepareStatement(
					"SELECT sku, batchref FROM allocate_lines(?, ?, ?)")) {
			System.out.println(allocate(one, name + "-1", 1) + " " + allocate(one, name + "-2", 1));
			try {
				allocate(one, name + "-3", 1000000);
			} catch (SQLException error) {
				System.out.println(error.getSQLState());
			}
			many.setArray(1, connection.createArrayOf("text", new String[] {name + "-4", name + "-5"}));
			many.setArray(2, connection.createArrayOf("text", new String[] {"LAMP", "CHAIR"}));
			many.setArray(3, connection.createArrayOf("integer", new Integer[] {1, 2}));
			try (ResultSet row = many.executeQuery()) {
				while (row.next())
					System.out.println(row.getString("sku") + " " + row.getString("batchref"));
			}
		}
	}
}
