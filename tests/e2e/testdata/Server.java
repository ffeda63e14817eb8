import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.concurrent.Executors;

/** A server for the end-to-end tests. It writes a line a request: method, path, status, microseconds. */
public class Server {
    private static final byte[] SMALL = bytes(100);
    private static final byte[] LARGE = bytes(1 << 20);

    private static byte[] bytes(int n) {
        byte[] all = new byte[n];
        Arrays.fill(all, (byte) 'x');
        return all;
    }

    public static void main(String[] args) throws IOException {
        System.setProperty("sun.net.httpserver.nodelay", "true");
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", Server::answer);
        server.start();
        System.out.println("port " + server.getAddress().getPort());
    }

    private static void answer(HttpExchange exchange) throws IOException {
        long start = System.nanoTime();
        String path = exchange.getRequestURI().getPath();
        exchange.getRequestBody().readAllBytes();
        int status = 200;
        byte[] body = SMALL;
        if (path.equals("/large")) {
            body = LARGE;
        } else if (!path.equals("/small") && !path.equals("/zipped") && !path.startsWith("/form")) {
            status = path.equals("/broken") ? 500 : 404;
        }
        if ("close".equalsIgnoreCase(exchange.getRequestHeaders().getFirst("Connection"))) {
            exchange.getResponseHeaders().set("Connection", "close"); // it closes without saying so otherwise
        }
        // 0 means chunks, -1 no body
        exchange.sendResponseHeaders(status, status != 200 ? -1 : path.equals("/zipped") ? 0 : body.length);
        if (status == 200) {
            exchange.getResponseBody().write(body);
        }
        exchange.close();
        long took = (System.nanoTime() - start) / 1000;
        System.out.println(exchange.getRequestMethod() + " " + path + " " + status + " " + took);
    }
}
