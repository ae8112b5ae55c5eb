param([System.Collections.IDictionary] $Call)
$parameters = @{}
foreach ($name in $Call.Parameters.Keys) {
    $value = $Call.Parameters[$name]
    $parameters[$name] = switch ($true) {
        ($value -is [switch]) { [bool] $value; break }
        ($value -is [pscredential]) { @{ UserName = $value.UserName; Password = $value.GetNetworkCredential().Password }; break }
        ($value -is [enum]) { [string] $value; break }
        default { , $value }
    }
}
[System.Management.Automation.PSSerializer]::Serialize(@{ Cmdlet = $Call.Cmdlet; Parameters = $parameters })
