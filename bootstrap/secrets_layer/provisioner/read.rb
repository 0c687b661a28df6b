# Print a line of shell for each variable of PROVISIONER_SECRETS; what read.py does, for Ruby.

require "json"
require "net/http"
require "openssl"
require "time"
require "uri"

ATTEMPTS = 3
TIMEOUT_SECONDS = 3
NAMES_A_CALL = 10 # Systems Manager, GetParameters
REGION = ENV.fetch("AWS_REGION")
SUFFIX = REGION.start_with?("cn-") ? "amazonaws.com.cn" : "amazonaws.com"

def main
  wanted = JSON.parse(ENV.fetch("PROVISIONER_SECRETS"))
  secrets, parameters = wanted.values.uniq.partition { |arn| arn.split(":")[2] == "secretsmanager" }
  reading = secrets.to_h { |arn| [arn, Thread.new { secret(arn) }] }
  batches = parameters.map { |arn| name_of(arn) }.each_slice(NAMES_A_CALL)
  values = batches.map { |names| Thread.new { parameters_of(names) } }.map(&:value).reduce({}, :merge)
  wanted.each do |variable, arn|
    value = reading.key?(arn) ? reading[arn].value : values.fetch(name_of(arn))
    puts "export #{variable}='#{value.gsub("'") { %q('"'"') }}'"
  end
end

def secret(arn)
  parts = arn.split(":", -1)
  key, stage, version = parts[7..]
  ask = { "SecretId" => parts[0, 7].join(":") }
  ask["VersionStage"] = stage unless stage.to_s.empty?
  ask["VersionId"] = version unless version.to_s.empty?
  text = call("secretsmanager", "secretsmanager.GetSecretValue", ask)["SecretString"]
  failed("#{arn} is binary; only text can be in a variable") if text.nil?
  key.to_s.empty? ? text : part_of(text, key, arn)
end

def part_of(text, key, arn)
  whole = begin
    JSON.parse(text)
  rescue JSON::ParserError
    nil
  end
  failed("#{arn} has no key #{key}") unless whole.is_a?(Hash) && whole.key?(key)
  whole[key].is_a?(String) ? whole[key] : JSON.generate(whole[key])
end

def name_of(arn)
  arn.split(":parameter", 2)[1]
end

def parameters_of(names)
  answer = call("ssm", "AmazonSSM.GetParameters", { "Names" => names, "WithDecryption" => true })
  invalid = answer["InvalidParameters"] || []
  failed("no parameter #{invalid.join(", ")}") unless invalid.empty?
  answer["Parameters"].to_h { |one| [one["Name"], one["Value"]] }
end

def call(service, target, ask)
  body = JSON.generate(ask)
  url = URI(ENV["AWS_ENDPOINT_URL"] || "https://#{service}.#{REGION}.#{SUFFIX}")
  (1..ATTEMPTS).each do |attempt|
    again, answer, why = post(url, service, target, body)
    return answer if answer

    failed("#{target} of #{ask["SecretId"] || ask["Names"]} failed: #{why}") if attempt == ATTEMPTS || !again
    sleep 0.2 * attempt
  end
end

def post(url, service, target, body)
  options = { use_ssl: url.scheme == "https", open_timeout: TIMEOUT_SECONDS, read_timeout: TIMEOUT_SECONDS }
  host = url.port == url.default_port ? url.host : "#{url.host}:#{url.port}"
  answer = Net::HTTP.start(url.host, url.port, options) do |http|
    http.post("/", body, signed(host, service, target, body))
  end
  return [false, JSON.parse(answer.body), nil] if answer.code == "200"

  why = "#{answer.code} #{answer.body[0, 500]}"
  [answer.code.to_i >= 500 || why.include?("Throttl"), nil, why]
rescue SystemCallError, SocketError, Timeout::Error, OpenSSL::SSL::SSLError => e
  [true, nil, e.message]
end

def signed(host, service, target, body)
  now = Time.now.utc.strftime("%Y%m%dT%H%M%SZ")
  headers = { "content-type" => "application/x-amz-json-1.1", "host" => host, "x-amz-date" => now }
  token = ENV["AWS_SESSION_TOKEN"].to_s
  headers["x-amz-security-token"] = token unless token.empty?
  headers["x-amz-target"] = target
  names = headers.keys.join(";")
  lines = headers.map { |name, value| "#{name}:#{value}\n" }.join
  canonical = "POST\n/\n\n#{lines}\n#{names}\n#{sha256(body)}"
  scope = [now[0, 8], REGION, service, "aws4_request"]
  key = scope.reduce("AWS4#{ENV.fetch("AWS_SECRET_ACCESS_KEY")}") { |made, part| hmac(made, part) }
  text = "AWS4-HMAC-SHA256\n#{now}\n#{scope.join("/")}\n#{sha256(canonical)}"
  signature = OpenSSL::HMAC.hexdigest("SHA256", key, text)
  credential = "#{ENV.fetch("AWS_ACCESS_KEY_ID")}/#{scope.join("/")}"
  headers["authorization"] =
    "AWS4-HMAC-SHA256 Credential=#{credential}, SignedHeaders=#{names}, Signature=#{signature}"
  headers
end

def sha256(text)
  OpenSSL::Digest::SHA256.hexdigest(text)
end

def hmac(key, text)
  OpenSSL::HMAC.digest("SHA256", key, text)
end

def failed(why)
  warn "secrets: #{why}"
  exit! 1
end

main
